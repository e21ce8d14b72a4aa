//go:build linux

package toolbox

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// gitDir is the repository that a GET request is about.
func (s *Server) gitDir(r *http.Request) (string, error) {
	path := r.URL.Query().Get("path")
	if path == "" {
		return "", badRequest("path is required")
	}
	return s.absolute(path), nil
}

func (s *Server) gitBranches(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.gitDir(r)
	if err != nil {
		return err
	}
	out, err := s.git(r.Context(), dir, credentials{}, "for-each-ref", "--format=%(HEAD)%(refname:short)", "refs/heads")
	if err != nil {
		return err
	}
	answer := struct {
		Branches []string `json:"branches"`
		Current  string   `json:"current,omitempty"`
	}{Branches: []string{}}
	for line := range strings.Lines(out) {
		name := strings.TrimRight(line, "\n")
		if len(name) < 2 {
			continue
		}
		if name[0] == '*' {
			answer.Current = name[1:]
		}
		answer.Branches = append(answer.Branches, name[1:])
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
}

type fileStatus struct {
	Name     string `json:"name"`
	Staging  string `json:"staging"`
	Worktree string `json:"worktree"`
	Extra    string `json:"extra"`
}

type gitStatusAnswer struct {
	CurrentBranch   string       `json:"currentBranch"`
	FileStatus      []fileStatus `json:"fileStatus"`
	Ahead           int          `json:"ahead"`
	Behind          int          `json:"behind"`
	BranchPublished bool         `json:"branchPublished"`
	Detached        bool         `json:"detached,omitempty"`
	Upstream        string       `json:"upstream,omitempty"`
}

func (s *Server) gitStatus(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.gitDir(r)
	if err != nil {
		return err
	}
	out, err := s.git(r.Context(), dir, credentials{}, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z")
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, parseStatus(out))
	return nil
}

// statusWords are git's letters in the API's words.
var statusWords = map[byte]string{
	'.': "Unmodified", '?': "Untracked", 'M': "Modified", 'T': "Modified", 'A': "Added",
	'D': "Deleted", 'R': "Renamed", 'C': "Copied", 'U': "Updated but unmerged",
}

// parseStatus reads git's second porcelain format, with fields that end in NUL
// so that any name is itself.
func parseStatus(out string) gitStatusAnswer {
	a := gitStatusAnswer{FileStatus: []fileStatus{}}
	fields := strings.Split(out, "\x00")
	commit := ""
	for i := 0; i < len(fields); i++ {
		f := fields[i]
		switch {
		case strings.HasPrefix(f, "# branch.oid "):
			commit = strings.TrimPrefix(f, "# branch.oid ")
		case strings.HasPrefix(f, "# branch.head "):
			a.CurrentBranch = strings.TrimPrefix(f, "# branch.head ")
		case strings.HasPrefix(f, "# branch.upstream "):
			a.Upstream = strings.TrimPrefix(f, "# branch.upstream ")
			a.BranchPublished = true
		case strings.HasPrefix(f, "# branch.ab "):
			ab := strings.Fields(strings.TrimPrefix(f, "# branch.ab "))
			if len(ab) == 2 {
				a.Ahead, _ = strconv.Atoi(strings.TrimPrefix(ab[0], "+"))  // git writes numbers
				a.Behind, _ = strconv.Atoi(strings.TrimPrefix(ab[1], "-")) // as above
			}
		case strings.HasPrefix(f, "? "):
			a.FileStatus = append(a.FileStatus, fileStatus{Name: f[2:], Staging: "Untracked", Worktree: "Untracked"})
		case strings.HasPrefix(f, "1 "): // 1 XY sub mH mI mW hH hI path
			if p := strings.SplitN(f, " ", 9); len(p) == 9 {
				a.FileStatus = append(a.FileStatus, newFileStatus(p[1], p[8], ""))
			}
		case strings.HasPrefix(f, "2 "): // 2 XY sub mH mI mW hH hI Xscore path, then the old path
			p := strings.SplitN(f, " ", 10)
			if len(p) == 10 && i+1 < len(fields) {
				i++
				a.FileStatus = append(a.FileStatus, newFileStatus(p[1], p[9], fields[i]))
			}
		case strings.HasPrefix(f, "u "): // u XY sub m1 m2 m3 mW h1 h2 h3 path
			if p := strings.SplitN(f, " ", 11); len(p) == 11 {
				a.FileStatus = append(a.FileStatus, fileStatus{
					Name: p[10], Staging: "Updated but unmerged", Worktree: "Updated but unmerged",
				})
			}
		}
	}
	if a.CurrentBranch == "(detached)" {
		a.CurrentBranch, a.Detached = commit, true
	}
	return a
}

func newFileStatus(xy, name, extra string) fileStatus {
	st := fileStatus{Name: name, Extra: extra, Staging: "Unmodified", Worktree: "Unmodified"}
	if len(xy) == 2 {
		if word, ok := statusWords[xy[0]]; ok {
			st.Staging = word
		}
		if word, ok := statusWords[xy[1]]; ok {
			st.Worktree = word
		}
	}
	return st
}

type commitInfo struct {
	Hash      string    `json:"hash"`
	Author    string    `json:"author"`
	Email     string    `json:"email"`
	Message   string    `json:"message"`
	Timestamp time.Time `json:"timestamp"`
}

func (s *Server) gitHistory(w http.ResponseWriter, r *http.Request) error {
	dir, err := s.gitDir(r)
	if err != nil {
		return err
	}
	out, err := s.git(r.Context(), dir, credentials{}, "log", "-z", "--max-count=1000", "--format=%H%n%an%n%ae%n%ct%n%B")
	if err != nil {
		return err
	}
	list := []commitInfo{}
	for record := range strings.SplitSeq(out, "\x00") {
		p := strings.SplitN(record, "\n", 5)
		if len(p) < 5 {
			continue
		}
		sec, err := strconv.ParseInt(p[3], 10, 64)
		if err != nil {
			continue
		}
		list = append(list, commitInfo{
			Hash: p[0], Author: p[1], Email: p[2], Message: strings.TrimRight(p[4], "\n"), Timestamp: time.Unix(sec, 0).UTC(),
		})
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}
