// An application behind net/http that asks a model twice for each request. It logs as `tests/services/hops.py` says, and hands on
// no headers; it says where it listens.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	reference = "X-Request-Ref"
	path      = "/v1/chat/completions"
	question  = `{"model": "standin-script-slow", "messages": [{"role": "user", "content": "What is Lisbon like?"}]}`
)

type address [2]any

type hop struct {
	Reference string   `json:"ref"`
	Parent    *string  `json:"parent"`
	End       string   `json:"end"`
	Service   string   `json:"service"`
	Path      string   `json:"path"`
	Own       *address `json:"own"`
	Peer      *address `json:"peer"`
	Start     int64    `json:"start_ns"`
	Ended     int64    `json:"end_ns"`
	PID       int      `json:"pid"`
	TID       int      `json:"tid"`
	Answer    string   `json:"answer,omitempty"`
	Context   *string  `json:"context"`
}

var (
	lock  sync.Mutex
	truth *os.File
)

func of(ends net.Addr) *address {
	tcp := ends.(*net.TCPAddr)
	return &address{tcp.IP.String(), tcp.Port}
}

func (line hop) write() error {
	line.Service, line.PID, line.TID, line.Ended = "server", os.Getpid(), syscall.Gettid(), time.Now().UnixNano()
	lock.Lock()
	defer lock.Unlock()
	return json.NewEncoder(truth).Encode(line)
}

type document struct {
	ID      string `json:"id"`
	Choices []struct {
		Message struct {
			Content string `json:"content"`
		} `json:"message"`
	} `json:"choices"`
}

func ask(parent string, number int) (string, error) {
	name := fmt.Sprintf("%s.%d", parent, number)
	line := hop{Reference: name, Parent: &parent, End: "out", Path: path, Start: time.Now().UnixNano()}
	request, err := http.NewRequest("POST", os.Getenv("LLM_URL")+path, bytes.NewBufferString(question))
	if err != nil {
		return "", err
	}
	got := func(info httptrace.GotConnInfo) {
		line.Own, line.Peer = of(info.Conn.LocalAddr()), of(info.Conn.RemoteAddr())
	}
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: got}))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(reference, name)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer document
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return "", err
	}
	line.Answer = answer.ID
	return answer.Choices[0].Message.Content, line.write()
}

func serve(writer http.ResponseWriter, request *http.Request) {
	name := request.Header.Get(reference)
	line := hop{Reference: name, End: "in", Path: request.URL.Path, Start: time.Now().UnixNano()}
	var text string
	for number := 1; number <= 2; number++ {
		var err error
		if text, err = ask(name, number); err != nil {
			http.Error(writer, err.Error(), http.StatusBadGateway)
			return
		}
	}
	peer, err := net.ResolveTCPAddr("tcp", request.RemoteAddr)
	if err != nil {
		log.Fatal(err)
	}
	line.Own, line.Peer = of(request.Context().Value(http.LocalAddrContextKey).(net.Addr)), of(peer)
	if err := line.write(); err != nil {
		log.Fatal(err)
	}
	writer.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(writer).Encode(map[string]string{"answer": text}); err != nil {
		log.Print(err)
	}
}

func main() {
	file := filepath.Join(os.Getenv("TRUTH"), fmt.Sprintf("%d.jsonl", os.Getpid()))
	var err error
	if truth, err = os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	http.HandleFunc("/ask", serve)
	log.Fatal(http.Serve(listener, nil))
}
