package function

import (
	"strings"
	"time"
)

// Identity is who calls, as proved by a token. A nil Identity is an anonymous
// caller.
type Identity struct {
	// Subject is "<user id>|<session id>".
	Subject string
	Issuer  string
	// ExpiresAt is when the token ends.
	ExpiresAt time.Time
}

// UserID returns the id of the caller's user, "" for an anonymous caller.
func (i *Identity) UserID() string {
	if i == nil {
		return ""
	}
	user, _, _ := strings.Cut(i.Subject, "|")
	return user
}

// SessionID returns the id of the caller's session, "" for an anonymous
// caller.
func (i *Identity) SessionID() string {
	if i == nil {
		return ""
	}
	_, session, _ := strings.Cut(i.Subject, "|")
	return session
}

// Key is equal for identities that no function can tell apart: two tokens of
// one session have the same key.
func (i *Identity) Key() string {
	if i == nil {
		return ""
	}
	return i.Issuer + "|" + i.Subject
}

// Expired reports whether the token had ended at a time.
func (i *Identity) Expired(now time.Time) bool {
	return i != nil && !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt)
}
