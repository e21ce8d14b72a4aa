package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// The parameters of the hash, which is Lucia's: imported accounts keep their
// passwords.
const (
	scryptN   = 16384
	scryptR   = 16
	scryptP   = 1
	scryptLen = 64
)

// minPassword is the least length in UTF-16 units, as JavaScript counts.
const minPassword = 8

func passwordLength(p string) int { return len(utf16.Encode([]rune(p))) }

// hash returns "<salt>:<key>", both in hex.
func (a *Auth) hash(ctx context.Context, password string) (string, error) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	salt := hex.EncodeToString(b[:])
	key, err := a.derive(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return salt + ":" + key, nil
}

// matches reports whether password has this hash.
func (a *Auth) matches(ctx context.Context, password, hash string) (bool, error) {
	salt, want, ok := strings.Cut(hash, ":")
	if !ok {
		return false, nil
	}
	got, err := a.derive(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1, nil
}

// derive computes the key. The salt is the text of its hex digits.
func (a *Auth) derive(ctx context.Context, password, salt string) (string, error) {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	key, err := scrypt.Key([]byte(norm.NFKC.String(password)), []byte(salt), scryptN, scryptR, scryptP, scryptLen)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return hex.EncodeToString(key), nil
}
