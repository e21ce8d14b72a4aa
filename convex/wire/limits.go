package wire

import (
	"net/netip"
	"time"

	"surgent.dev/surgent/convex/function"
)

// Limits bound what callers can take before anybody has signed in: until then
// a caller is only an address. Zero values mean the defaults, which leave room
// for an office behind one address.
type Limits struct {
	// AnonymousSockets is how many connections on which nobody has signed in
	// one address may hold open, 0 for 256.
	AnonymousSockets int
	// AnonymousMessage is the largest message on such a connection, and the
	// largest request body without a token, in bytes; 0 for 1 MiB. It does not
	// count where nobody can sign in.
	AnonymousMessage int64
	// ConnectTimeout is how long a new connection may take to send its first
	// message, 0 for 10 s.
	ConnectTimeout time.Duration
	// BodyTimeout is how long a request may take to send its body, 0 for a
	// minute.
	BodyTimeout time.Duration
	// Proxies are the networks of reverse proxies in front of the server. Their
	// word about where a request came from, X-Forwarded-For, is believed;
	// nobody else's is. None means that callers connect directly.
	Proxies []netip.Prefix
}

// MaxBody is the largest request body of a caller who has signed in, in bytes:
// the largest arguments and what is written around them.
const MaxBody = function.MaxArgsSize + 2000

// WithDefaults returns l with the defaults in place of zeros. signIn says
// whether anybody can sign in at all.
func (l Limits) WithDefaults(signIn bool) Limits {
	if l.AnonymousSockets <= 0 {
		l.AnonymousSockets = 256
	}
	if l.AnonymousMessage <= 0 {
		l.AnonymousMessage = 1 << 20
	}
	if !signIn {
		l.AnonymousMessage = 0
	}
	if l.ConnectTimeout <= 0 {
		l.ConnectTimeout = 10 * time.Second
	}
	if l.BodyTimeout <= 0 {
		l.BodyTimeout = time.Minute
	}
	return l
}

// Message returns the largest message of a caller, who has signed in or not;
// most is what the door takes from anybody.
func (l Limits) Message(signedIn bool, most int64) int64 {
	if signedIn || l.AnonymousMessage <= 0 {
		return most
	}
	return min(l.AnonymousMessage, most)
}
