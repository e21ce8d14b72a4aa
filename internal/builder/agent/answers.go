package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
		raw, err = os.ReadFile(s.answerPath(step.RunID, step.Blob))
		if errors.Is(err, fs.ErrNotExist) {
			// Without it the session would be at its end.
			s.Logger.Warn("an answer's file is gone", "run", step.RunID, "step", step.N)
			return []json.RawMessage{textBlock(lostAnswer)}, nil
		}
		if err != nil {
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

const lostAnswer = "[A long answer stood here. It is lost.]"

// answersOf is the folder of a run's long answers.
func (s *Service) answersOf(id RunID) string {
	return filepath.Join(s.DataDir, "answers", filepath.Base(string(id)))
}

func (s *Service) answerPath(id RunID, hash string) string {
	return filepath.Join(s.answersOf(id), filepath.Base(hash)+".json")
}

// discard removes the long answers of a run whose journal is removed. What
// stays when that fails is a file that nothing names.
func (s *Service) discard(id RunID) {
	if err := os.RemoveAll(s.answersOf(id)); err != nil {
		s.Logger.Warn("remove answers", "run", id, "error", err)
	}
}

// store writes an answer that is too long for a document to a file that its
// hash names.
func (s *Service) store(id RunID, raw []byte) (string, error) {
	sum := sha256.Sum256(raw)
	hash := hex.EncodeToString(sum[:])
	path := s.answerPath(id, hash)
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
