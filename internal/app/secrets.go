package app

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// keyFile reads a random key of 32 bytes, in hex, from a file that only this
// user may read; a missing one is made.
func keyFile(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		if key := strings.TrimSpace(string(raw)); len(key) >= 32 {
			return key, nil
		}
		return "", fmt.Errorf("%s holds no key: remove it, and another is made", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read key: %w", err)
	}
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	key := hex.EncodeToString(b)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	// Written aside and moved, so that a crash leaves no half key behind.
	tmp := path + ".new"
	if err := os.WriteFile(tmp, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	return key, nil
}
