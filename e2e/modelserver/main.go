// Command modelserver serves the scripted Messages API of model/modeltest as a
// process of its own, for the browser tests. It prints its address; PUT
// /control/script replaces the script, GET /control/requests tells how many
// valid requests came, and GET /control/refusals what was refused.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"surgent.dev/surgent/model/modeltest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "modelserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var current atomic.Pointer[modeltest.Server]
	current.Store(modeltest.New(modeltest.Config{}))
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) })
	mux.HandleFunc("PUT /control/script", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		cfg, err := modeltest.ParseFile(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		current.Store(modeltest.New(cfg))
	})
	mux.HandleFunc("GET /control/requests", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(len(current.Load().Requests()))
	})
	mux.HandleFunc("GET /control/refusals", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(append([]string{}, current.Load().Refusals()...))
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println(ln.Addr())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
