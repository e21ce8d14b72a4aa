package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"surgent.dev/surgent/sandbox"
)

// maxFile is the largest file, in bytes, that a tool reads or writes whole.
const maxFile = 4 << 20

// load reads a file of the sandbox. A nil content with a nil refusal means
// that there is no such file.
func (e *Env) load(ctx context.Context, p string) (content []byte, refused *Result, err error) {
	info, err := e.Toolbox.FileInfo(ctx, p)
	switch {
	case gone(err):
		return nil, nil, nil
	case errors.Is(err, sandbox.ErrInvalid):
		return nil, failed("%s cannot be read: %v", p, err), nil
	case err != nil:
		return nil, nil, fmt.Errorf("look at %s: %w", p, err)
	case info.IsDir:
		return nil, failed("%s is a folder. Use Glob to list files.", p), nil
	case len(info.Mode) > 0 && info.Mode[0] != '-' && info.Mode[0] != 'L':
		return nil, failed("%s is no ordinary file.", p), nil
	case info.Size > maxFile:
		return nil, failed("%s is too large: %d bytes, at most %d can be taken. Use Grep to find what you need in it.", p, info.Size, maxFile), nil
	}
	body, err := e.Toolbox.Download(ctx, p)
	switch {
	case gone(err):
		return nil, nil, nil
	case errors.Is(err, sandbox.ErrInvalid):
		return nil, failed("%s cannot be read: %v", p, err), nil
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", p, err)
	}
	defer func() { _ = body.Close() }() // read to the end or given up
	content, err = io.ReadAll(io.LimitReader(body, maxFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", p, err)
	}
	if len(content) > maxFile {
		return nil, failed("%s is too large.", p), nil
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil, nil
}

// within returns the files of the folder that p may be written in, which do not
// follow a link out of it.
func (e *Env) within(p string) sandbox.Files {
	if under(p, e.Root) {
		return e.Toolbox.Within(e.Root)
	}
	return e.Toolbox.Within("/tmp") // see writable
}

// save writes a file.
func (e *Env) save(ctx context.Context, p string, content []byte) (*Result, error) {
	err := e.within(p).UploadFiles(ctx, []sandbox.Upload{{Path: p, Content: bytes.NewReader(content)}})
	switch {
	case errors.Is(err, sandbox.ErrInvalid), gone(err), errors.Is(err, sandbox.ErrConflict):
		return failed("%s cannot be written: %v", p, err), nil
	case err != nil:
		return nil, fmt.Errorf("write %s: %w", p, err)
	}
	return nil, nil
}

// stale says that a file is not as this session last saw it, or nil.
func (e *Env) stale(p string, content []byte) *Result {
	seen, ok := e.Seen[p]
	if !ok || content == nil || seen == Hash(content) {
		return nil
	}
	return failed("%s was changed by somebody else since you last read or wrote it. Read it again before you change it.", p)
}

// hashOf is Hash, with "" for a file that does not exist.
func hashOf(content []byte) string {
	if content == nil {
		return ""
	}
	return Hash(content)
}

// binary tells whether a content is no text.
func binary(content []byte) bool {
	return bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0
}
