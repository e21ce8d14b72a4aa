package app

import (
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
)

// noticeProxy warns once about a reverse proxy that the configuration doesn't
// name: behind it all callers would share one address and its limits.
func noticeProxy(next http.Handler, named []netip.Prefix, logger *slog.Logger) http.Handler {
	if len(named) > 0 {
		return next
	}
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" && isNear(r.RemoteAddr) {
			once.Do(func() {
				logger.Warn("requests come through a reverse proxy: name it in SURGENT_PROXIES, or all callers share its limits", "proxy", r.RemoteAddr)
			})
		}
		next.ServeHTTP(w, r)
	})
}

// isNear tells whether an address is of this machine or network, where one's
// own proxies are. Strangers may send any header.
func isNear(remote string) bool {
	a, err := netip.ParseAddrPort(remote)
	return err == nil && (a.Addr().Unmap().IsLoopback() || a.Addr().Unmap().IsPrivate())
}
