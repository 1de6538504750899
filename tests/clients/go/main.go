// Chat completions through net/http, HTTP/1.1 only, one after another or by goroutines that share one client.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	baseURL = flag.String("base-url", "", "where the API is, /v1 included")
	model   = flag.String("model", "gpt-4o-mini", "the model to ask for")
	count   = flag.Int("count", 1, "calls, of each thread where there are threads")
	threads = flag.Int("threads", 1, "goroutines that share one client")
	stream  = flag.Bool("stream", false, "ask for a stream, with usage at its end")
	resume  = flag.Bool("resume", false, "a new connection for each call, which resumes the session of the one before")
)

type usage struct {
	Input  int64 `json:"prompt_tokens"`
	Output int64 `json:"completion_tokens"`
}

type answer struct {
	ID    string `json:"id"`
	Usage *usage `json:"usage"`
}

// One line for one call: what this client received, by its own account.
type line struct {
	ID      *string `json:"id"`
	Input   *int64  `json:"input_tokens"`
	Output  *int64  `json:"output_tokens"`
	Error   *string `json:"error"`
	Started int64   `json:"started_ns"`
	Ended   int64   `json:"ended_ns"`
	PID     int     `json:"pid"`
	Resumed bool    `json:"resumed"`
}

func client() (*http.Client, error) {
	settings := &tls.Config{}
	if file := os.Getenv("SSL_CERT_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		settings.RootCAs = x509.NewCertPool()
		settings.RootCAs.AppendCertsFromPEM(pem)
	}
	if *resume {
		settings.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	transport := &http.Transport{
		TLSClientConfig:     settings,
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
		MaxIdleConnsPerHost: *threads,
		DisableKeepAlives:   *resume,
	}
	if to := os.Getenv("CONNECT_TO"); to != "" {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(to, port))
		}
	}
	return &http.Client{Transport: transport}, nil
}

func call(client *http.Client) (*answer, bool, error) {
	asked := map[string]any{
		"model":    *model,
		"messages": []map[string]string{{"role": "user", "content": "What is the weather in Lisbon? prompt-canary"}},
	}
	if *stream {
		asked["stream"] = true
		asked["stream_options"] = map[string]bool{"include_usage": true}
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return nil, false, err
	}
	request, err := http.NewRequest("POST", *baseURL+"/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, false, err
	}
	request.Header.Set("content-type", "application/json")
	request.Header.Set("authorization", "Bearer "+os.Getenv("OPENAI_API_KEY"))
	response, err := client.Do(request)
	if err != nil {
		return nil, false, err
	}
	defer response.Body.Close()
	resumed := response.TLS != nil && response.TLS.DidResume
	if response.StatusCode != http.StatusOK {
		return nil, resumed, fmt.Errorf("status %d", response.StatusCode)
	}
	found := &answer{}
	if !*stream {
		return found, resumed, json.NewDecoder(response.Body).Decode(found)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if event, isEvent := strings.CutPrefix(lines.Text(), "data: {"); isEvent {
			// The last has the usage.
			if err := json.Unmarshal([]byte("{"+event), found); err != nil {
				return nil, resumed, err
			}
		}
	}
	return found, resumed, lines.Err()
}

func work(client *http.Client, printing *sync.Mutex) {
	for range *count {
		told := line{Started: time.Now().UnixNano(), PID: os.Getpid()}
		found, resumed, err := call(client)
		told.Ended, told.Resumed = time.Now().UnixNano(), resumed
		if err != nil {
			text := err.Error()
			told.Error = &text
		} else {
			told.ID = &found.ID
			if found.Usage != nil {
				told.Input, told.Output = &found.Usage.Input, &found.Usage.Output
			}
		}
		printing.Lock()
		json.NewEncoder(os.Stdout).Encode(told)
		printing.Unlock()
	}
}

func main() {
	flag.Parse()
	client, err := client()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var all sync.WaitGroup
	var printing sync.Mutex
	for range *threads {
		all.Add(1)
		go func() {
			defer all.Done()
			work(client, &printing)
		}()
	}
	all.Wait()
}
