//go:build linux

package toolbox

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
)

func (s *Server) infoRoutes() {
	dir := func(path string) handler {
		return func(w http.ResponseWriter, _ *http.Request) error {
			writeJSON(w, http.StatusOK, map[string]string{"dir": path})
			return nil
		}
	}
	s.handle("GET /project-dir", dir(s.cfg.WorkDir))
	s.handle("GET /work-dir", dir(s.cfg.WorkDir))
	s.handle("GET /user-home-dir", dir(s.cfg.Home))
	s.handle("GET /version", func(w http.ResponseWriter, _ *http.Request) error {
		writeJSON(w, http.StatusOK, map[string]string{"version": Version})
		return nil
	})
	s.handle("POST /init", s.postInit)
	s.handle("POST /env", s.postEnv)
}

// postInit gives the sandbox a new token and a new environment. It is asked
// for the token of before: a sandbox that was forked from a snapshot still has
// the snapshot's, and gets its own before anything else reaches it.
func (s *Server) postInit(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Token string            `json:"token"`
		Env   map[string]string `json:"env"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if req.Token == "" {
		return badRequest("token is required")
	}
	if err := checkEnv(req.Env); err != nil {
		return err
	}
	return s.change(w, func(st *State) { st.Token, st.Env = req.Token, req.Env })
}

// postEnv changes the environment of processes that start from now on.
func (s *Server) postEnv(w http.ResponseWriter, r *http.Request) error {
	var req struct {
		Set   map[string]string `json:"set"`
		Unset []string          `json:"unset"`
	}
	if err := decode(w, r, &req); err != nil {
		return err
	}
	if err := checkEnv(req.Set); err != nil {
		return err
	}
	return s.change(w, func(st *State) {
		for _, k := range req.Unset {
			delete(st.Env, k)
		}
		maps.Copy(st.Env, req.Set)
	})
}

func (s *Server) change(w http.ResponseWriter, apply func(*State)) error {
	s.initMu.Lock()
	defer s.initMu.Unlock()
	st := State{Token: s.token, Env: map[string]string{}}
	maps.Copy(st.Env, s.env)
	apply(&st)
	if s.cfg.OnInit != nil {
		if err := s.cfg.OnInit(st); err != nil {
			return fmt.Errorf("keep token: %w", err)
		}
	}
	s.token, s.env = st.Token, st.Env
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

// checkEnv refuses names that a shell could not take.
func checkEnv(env map[string]string) error {
	for k, v := range env {
		ok := k != "" && strings.IndexFunc(k, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) < 0 && (k[0] < '0' || k[0] > '9')
		if !ok {
			return badRequest("invalid environment variable name %q", k)
		}
		if strings.ContainsRune(v, 0) {
			return badRequest("environment variable %s holds a NUL byte", k)
		}
	}
	return nil
}

// environ is the environment of a process that the server starts: its own,
// the user's names, the sandbox's, then extra.
func (s *Server) environ(extra map[string]string) []string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if k, v, ok := strings.Cut(kv, "="); ok {
			env[k] = v
		}
	}
	env["HOME"], env["USER"], env["LOGNAME"], env["SHELL"] = s.cfg.Home, s.cfg.User, s.cfg.User, s.shell
	env["PATH"] = cmp.Or(env["PATH"], "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	env["LANG"] = cmp.Or(env["LANG"], "C.UTF-8")
	s.initMu.RLock()
	maps.Copy(env, s.env)
	s.initMu.RUnlock()
	maps.Copy(env, extra)
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list
}

// sdkBefore tells whether the request comes from an SDK older than 0.minor.
// Requests that name no version are not old.
func sdkBefore(r *http.Request, minor int) bool {
	got, ok := sdkMinor(r)
	return ok && got < minor
}

// sdkMinor reads the minor version; majors above 0 count as very new.
func sdkMinor(r *http.Request) (int, bool) {
	parts := strings.SplitN(r.Header.Get("X-Daytona-SDK-Version"), ".", 3)
	if len(parts) < 2 {
		return 0, false
	}
	major, err := strconv.Atoi(parts[0])
	if err != nil {
		return 0, false
	}
	minor, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0, false
	}
	return major*1_000_000 + minor, true
}
