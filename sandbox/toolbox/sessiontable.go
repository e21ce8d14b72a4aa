//go:build linux

package toolbox

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// sessionTable is all sessions by id.
type sessionTable struct {
	server   *Server
	mu       sync.Mutex
	byID     map[string]*session
	byStatus map[string]*session // by their status file
}

func newSessionTable(s *Server) *sessionTable {
	return &sessionTable{server: s, byID: map[string]*session{}, byStatus: map[string]*session{}}
}

func (t *sessionTable) newSession(f sessionFile, dir string) *session {
	return &session{
		sessionFile: f, server: t.server, dir: dir, status: &statusReader{path: filepath.Join(dir, "status")},
		poke: make(chan struct{}, 1), dead: make(chan struct{}), over: make(chan struct{}),
	}
}

func (t *sessionTable) root() string { return filepath.Join(t.server.cfg.StateDir, "sessions") }

func (t *sessionTable) get(id string) (*session, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.byID[id]; s != nil {
		return s, nil
	}
	return nil, fail(http.StatusNotFound, "NOT_FOUND", "session not found: %s", id)
}

func (t *sessionTable) all() []*session {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*session, 0, len(t.byID))
	for _, s := range t.byID {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *session) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// create starts a session's shell in dir.
func (t *sessionTable) create(id, dir string) error {
	if id == "" || len(id) > 150 {
		return badRequest("sessionId must have 1 to 150 bytes")
	}
	if id == "entrypoint" {
		return badRequest("session id entrypoint is reserved")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] != nil {
		return fail(http.StatusConflict, "CONFLICT", "session already exists: %s", id)
	}
	name := base64.RawURLEncoding.EncodeToString([]byte(id))
	s := t.newSession(sessionFile{ID: id, Job: newJob()}, filepath.Join(t.root(), name))
	if err := s.start(dir); err != nil {
		_ = os.RemoveAll(s.dir) // nothing of it runs
		return fmt.Errorf("start session %s: %w", id, err)
	}
	t.byID[id] = s
	t.watchLocked(s)
	return nil
}

// load takes up the sessions that are on disk.
func (t *sessionTable) load() error {
	entries, err := os.ReadDir(t.root())
	if err != nil {
		return err
	}
	for _, e := range entries {
		s, err := t.loadSession(filepath.Join(t.root(), e.Name()))
		if err != nil {
			t.server.log.Warn("session dropped", "folder", e.Name(), "err", err)
			continue
		}
		if code, ok := readCode(filepath.Join(s.dir, "shell-exit")); ok {
			s.code = code
			close(s.dead)
		} else {
			t.server.wg.Go(s.watchOrphan)
		}
		s.settle() // before anybody asks
		t.mu.Lock()
		t.byID[s.ID] = s
		t.watchLocked(s)
		t.mu.Unlock()
	}
	return nil
}

func (t *sessionTable) loadSession(dir string) (*session, error) {
	s := t.newSession(sessionFile{}, dir)
	if err := readJSONFile(filepath.Join(dir, "session.json"), &s.sessionFile); err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		c, err := loadCommand(s, n)
		if errors.Is(err, os.ErrNotExist) {
			return s, nil
		}
		if err != nil {
			for _, c := range s.commands {
				c.close()
			}
			return nil, err
		}
		s.commands = append(s.commands, c)
	}
}

// watchLocked begins to follow a session; t.mu is held.
func (t *sessionTable) watchLocked(s *session) {
	t.byStatus[s.status.path] = s
	if err := t.server.watcher.Add(s.status.path); err != nil {
		t.server.log.Warn("session is polled", "session", s.ID, "err", err)
	}
	t.server.wg.Go(func() {
		s.follow()
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.byStatus[s.status.path] == s {
			delete(t.byStatus, s.status.path)
			_ = t.server.watcher.Remove(s.status.path) // gone with a deleted session
		}
	})
}

// watch passes events of the file system on to the sessions that they are for.
func (t *sessionTable) watch() {
	for {
		select {
		case e, ok := <-t.server.watcher.Events:
			if !ok {
				return
			}
			t.mu.Lock()
			s := t.byStatus[e.Name]
			t.mu.Unlock()
			if s != nil {
				select {
				case s.poke <- struct{}{}:
				default:
				}
			}
		case err, ok := <-t.server.watcher.Errors:
			if !ok {
				return
			}
			// Events were lost: every session looks once a second anyway.
			t.server.log.Warn("file events lost", "err", err)
		}
	}
}

// remove ends a session and all that it started, and forgets it.
func (t *sessionTable) remove(ctx context.Context, id string) error {
	s, err := t.get(id)
	if err != nil {
		return err
	}
	s.kill(ctx)
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("delete session %s: %w", id, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID[id] == s {
		delete(t.byID, id)
	}
	return nil
}
