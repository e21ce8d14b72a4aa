package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// byHand measures what a person would do without Surgent, on the same machine
// and with the same template: copy it, install its packages, start the dev
// server and open the first page; then build for production. The package
// manager's cache is warm (a first round is not counted), there is no sandbox
// around it, and nothing is published: all three are in its favour.
func byHand(ctx context.Context, template string, rounds int, page, build *figure) error {
	for i := -1; i < rounds; i++ {
		dir, err := os.MkdirTemp("", "surgent-by-hand-")
		if err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
		p, b, err := onceByHand(ctx, template, dir)
		_ = os.RemoveAll(dir)
		if err != nil {
			return fmt.Errorf("by hand, round %d: %w", i, err)
		}
		if i < 0 {
			continue
		}
		page.samples = append(page.samples, p)
		build.samples = append(build.samples, b)
	}
	return nil
}

func onceByHand(ctx context.Context, template, dir string) (page, build time.Duration, err error) {
	port, err := freePort()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := os.CopyFS(dir, os.DirFS(template)); err != nil {
		return 0, 0, fmt.Errorf("copy template: %w", err)
	}
	if err := tool(ctx, dir, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"); err != nil {
		return 0, 0, err
	}
	serve, end := context.WithCancel(ctx)
	defer end()
	vite := filepath.Join("node_modules", ".bin", "vite")
	dev := exec.CommandContext(serve, filepath.Join(dir, vite), "--host", "127.0.0.1", "--port", port)
	dev.Dir = dir
	if err := dev.Start(); err != nil {
		return 0, 0, fmt.Errorf("start the dev server: %w", err)
	}
	defer func() { end(); _ = dev.Wait() }() // it was killed: its exit code says only that
	for !answers(ctx, "http://127.0.0.1:"+port+"/") {
		if ctx.Err() != nil || time.Since(begin) > 5*time.Minute {
			return 0, 0, fmt.Errorf("the dev server does not answer: %w", context.Cause(ctx))
		}
		time.Sleep(5 * time.Millisecond)
	}
	page = time.Since(begin)
	begin = time.Now()
	if err := tool(ctx, dir, filepath.Join(dir, vite), "build", "--logLevel", "error"); err != nil {
		return 0, 0, err
	}
	return page, time.Since(begin), nil
}

func tool(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s: %w\n%s", filepath.Base(name), err, out)
	}
	return nil
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // not yet
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// freePort is a port that nothing listened on a moment ago.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a port: %w", err)
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	_ = ln.Close() // only its number was wanted
	return port, err
}
