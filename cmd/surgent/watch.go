package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"surgent.dev/surgent/internal/config"
)

// rest is how long files must be quiet before something is done: editors
// write in several steps.
const rest = 200 * time.Millisecond

// sourceWatch tells of changes to .env.local, and in a source tree to Go files.
type sourceWatch struct {
	w      *fsnotify.Watcher
	dir    string
	source bool
	logger *slog.Logger
	build  func(context.Context) error
}

// watchSource starts watching dir; source says that it is a source tree. build
// makes a new binary of it. The caller closes what it gets.
func watchSource(dir string, source bool, build func(context.Context) error, logger *slog.Logger) (*sourceWatch, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err)
	}
	s := &sourceWatch{w: w, dir: dir, source: source, build: build, logger: logger}
	if err := s.addAll(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return s, nil
}

func (s *sourceWatch) close() { _ = s.w.Close() } // nothing is written through it

func (s *sourceWatch) addAll() error {
	if err := s.w.Add(s.dir); err != nil {
		return fmt.Errorf("watch %s: %w", s.dir, err)
	}
	if !s.source {
		return nil
	}
	for _, top := range []string{"cmd", "convex", "deploy", "internal", "model", "sandbox", "snapshots", "templates"} {
		if err := s.addTree(filepath.Join(s.dir, top)); err != nil {
			return fmt.Errorf("watch %s: %w", top, err)
		}
	}
	return nil
}

// addTree watches a folder and those in it. One that has gone meanwhile is no error.
func (s *sourceWatch) addTree(root string) error {
	return filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "node_modules" || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		return s.w.Add(path)
	})
}

// next returns when something has changed that asks for another round: nil
// for .env.local, errRebuilt after a build. A build that fails prints its
// reasons and changes nothing.
func (s *sourceWatch) next(ctx context.Context) error {
	env, code := false, false
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e := <-s.w.Events:
			isEnv, isCode := s.judge(e)
			if !isEnv && !isCode {
				continue
			}
			env, code = env || isEnv, code || isCode
			quiet = time.After(rest)
		case err := <-s.w.Errors:
			// Events were lost: what changed is not known, so take it that all did.
			s.logger.Warn("watching files", "error", err)
			env, code = true, s.source
			quiet = time.After(rest)
		case <-quiet:
			if !code {
				return nil
			}
			s.logger.Info("building")
			if err := s.build(ctx); err == nil {
				return errRebuilt
			}
			if env {
				return nil
			}
			code, quiet = false, nil
		}
	}
}

// judge says what an event is about, and watches new folders: what is in them
// by then counts as a change, because its own events may have come too early.
func (s *sourceWatch) judge(e fsnotify.Event) (env, code bool) {
	if filepath.Base(e.Name) == config.EnvFile && filepath.Dir(e.Name) == s.dir {
		return true, false
	}
	if !s.source {
		return false, false
	}
	if e.Has(fsnotify.Create) && filepath.Dir(e.Name) != s.dir {
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			if err := s.addTree(e.Name); err != nil {
				s.logger.Warn("watching a new folder", "path", e.Name, "error", err)
			}
			return false, true
		}
	}
	return false, strings.HasSuffix(e.Name, ".go") && !strings.HasSuffix(e.Name, "_test.go")
}
