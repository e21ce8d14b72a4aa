//go:build linux

package toolbox

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) portRoutes() {
	s.handle("GET /port", func(w http.ResponseWriter, _ *http.Request) error {
		ports, err := listening()
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]any{"ports": ports})
		return nil
	})
	s.handle("GET /port/{port}/in-use", func(w http.ResponseWriter, r *http.Request) error {
		port, err := strconv.Atoi(r.PathValue("port"))
		if err != nil || port < 3000 || port > 9999 {
			return badRequest("port must be a number from 3000 to 9999")
		}
		ports, err := listening()
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, map[string]any{"isInUse": slices.Contains(ports, port)})
		return nil
	})
	s.handle("/proxy/{port}/{path...}", s.proxy)
	s.handle("/proxy/{port}", s.proxy)
}

// listening returns the TCP ports that something in the sandbox listens on.
func listening() ([]int, error) {
	ports := []int{}
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		found, err := listeningIn(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ports = append(ports, found...)
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

func listeningIn(name string) ([]int, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var ports []int
	in := bufio.NewScanner(f)
	for in.Scan() {
		// number, local address:port in hexadecimal, remote one, state
		p := strings.Fields(in.Text())
		if len(p) < 4 || p[3] != "0A" {
			continue
		}
		if _, hexPort, ok := strings.Cut(p[1], ":"); ok {
			if b, err := hex.DecodeString(hexPort); err == nil && len(b) == 2 {
				ports = append(ports, int(b[0])<<8|int(b[1]))
			}
		}
	}
	return ports, in.Err()
}

// proxy passes a request on to a port inside the sandbox, without the bearer
// token.
func (s *Server) proxy(w http.ResponseWriter, r *http.Request) error {
	port, err := strconv.Atoi(r.PathValue("port"))
	if err != nil || port < 1 || port > 65535 {
		return badRequest("port must be a number from 1 to 65535")
	}
	rest := strings.TrimPrefix(r.URL.EscapedPath(), "/proxy/"+r.PathValue("port"))
	if rest == "" {
		rest = "/"
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return badRequest("path: %v", err)
	}
	proxy := httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			p.Out.URL.Path, p.Out.URL.RawPath = path, rest
			p.Out.Header.Del("Authorization")
			p.SetXForwarded()
		},
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			s.writeError(w, r, fail(http.StatusBadGateway, "BAD_GATEWAY", "port %d: %v", port, err))
		},
	}
	proxy.ServeHTTP(w, r)
	return nil
}
