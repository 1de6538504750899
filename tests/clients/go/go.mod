module spanwire/client

go 1.24
