package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// maxRaw is the longest answer, in bytes, that stays in its step's document.
// Longer ones are files, and so are their calls' inputs.
const maxRaw = 512 << 10

// content returns the blocks of a step, from its document or its file.
func (s *Service) content(step *Step) ([]json.RawMessage, error) {
	raw := []byte(step.Raw)
	if step.Blob != "" {
		var err error
		if raw, err = os.ReadFile(s.blobPath(step.Blob)); err != nil {
			return nil, fmt.Errorf("read answer %s: %w", step.Blob, err)
		}
	}
	if len(raw) == 0 {
		return nil, nil
	}
	var blocks []json.RawMessage
	if err := json.Unmarshal(raw, &blocks); err != nil {
		return nil, fmt.Errorf("decode answer of step %s: %w", step.ID, err)
	}
	return blocks, nil
}

func (s *Service) blobPath(hash string) string {
	return filepath.Join(s.DataDir, "answers", filepath.Base(hash)+".json")
}

// store writes an answer that is too long for a document to a file that its
// hash names.
func (s *Service) store(raw []byte) (string, error) {
	sum := sha256.Sum256(raw)
	hash := hex.EncodeToString(sum[:])
	path := s.blobPath(hash)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make answers folder: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "answer-*")
	if err != nil {
		return "", fmt.Errorf("store answer: %w", err)
	}
	_, err = tmp.Write(raw)
	if serr := tmp.Sync(); err == nil {
		err = serr
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // a temporary file
		return "", fmt.Errorf("store answer: %w", err)
	}
	return hash, nil
}
