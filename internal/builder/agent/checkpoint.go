package agent

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"surgent.dev/surgent/sandbox"
)

// Author of checkpoints.
const (
	authorName  = "Surgent"
	authorEmail = "checkpoints@surgent.dev"
)

// gitTimeout bounds one git command in a sandbox.
const gitTimeout = 2 * time.Minute

// trailer ties a commit to its run, so that a run that is taken up again
// finds the commit that it made before.
const trailer = "Run: "

// git runs git in the project's folder, without the hooks, signatures and
// watchers that the repository's own configuration may name.
func git(ctx context.Context, tb sandbox.Toolbox, dir, script string) (string, int, error) {
	const prefix = `git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor= -c commit.gpgsign=false -c gc.auto=0 "$@"; }
export GIT_AUTHOR_NAME=` + authorName + ` GIT_AUTHOR_EMAIL=` + authorEmail +
		` GIT_COMMITTER_NAME=` + authorName + ` GIT_COMMITTER_EMAIL=` + authorEmail + ` GIT_TERMINAL_PROMPT=0 LC_ALL=C
`
	res, err := tb.Execute(ctx, sandbox.ExecRequest{Command: "bash -c " + quote(prefix+script), Dir: dir, Timeout: gitTimeout})
	if err != nil {
		return "", 0, fmt.Errorf("run git in the sandbox: %w", err)
	}
	return res.Output, res.ExitCode, nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

var hexSHA = regexp.MustCompile(`^[0-9a-f]{40,64}$`)

// head returns the commit that the project stands on, "" for a folder without
// one.
func head(ctx context.Context, tb sandbox.Toolbox, dir string) (string, error) {
	out, code, err := git(ctx, tb, dir, "git rev-parse --verify -q HEAD")
	if err != nil {
		return "", err
	}
	if sha := strings.TrimSpace(out); code == 0 && hexSHA.MatchString(sha) {
		return sha, nil
	}
	return "", nil
}

// commitScript commits all that the folder holds when its tree differs from
// the base's, whoever committed, and prints the commit and what changed since
// the base; it prints nothing when there is nothing to save. A commit that
// bears the run's trailer already is taken as it is. Locks are those of a git
// that a stopped command left: nothing else runs at the end of a run. Every git is a process in
// a sandbox, so there are few of them.
const commitScript = `set -e
test -e .git || git init -q
rm -f .git/index.lock .git/HEAD.lock
git add -A >/dev/null
tree=$(git write-tree)
known=
if test -n "$BASE"; then known=$(git rev-parse -q --verify "$BASE^{tree}") || BASE=; fi
if test -z "$BASE"; then BASE=$EMPTY known=$EMPTY; fi
sha=$(git log -1 --format='%H %T %(trailers:key=Run,valueonly,separator=%x20)' 2>/dev/null || true)
if test "${sha#* }" = "$tree $RUN"; then
  sha=${sha%% *}
else
  if test "$known" = "$tree"; then exit 0; fi
  git commit -q --allow-empty --no-verify -F - <<<"$MESSAGE" >/dev/null
  sha=$(git rev-parse HEAD)
fi
echo "$sha"
git diff --numstat --no-renames --no-ext-diff --no-textconv "$BASE" "$sha" --
`

// emptyTree is git's name for a folder without files.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// commit saves the folder as a checkpoint of the run and returns it, nil when
// nothing changed since the base.
func commit(ctx context.Context, tb sandbox.Toolbox, dir string, r *Run, base string) (*checkpoint, error) {
	vars := fmt.Sprintf("RUN=%s BASE=%s EMPTY=%s MESSAGE=%s\n", quote(string(r.ID)), quote(base), emptyTree, quote(r.Subject+"\n\n"+trailer+string(r.ID)))
	out, code, err := git(ctx, tb, dir, vars+commitScript)
	if err != nil {
		return nil, err
	}
	sha, changes, _ := strings.Cut(out, "\n")
	switch {
	case code != 0:
		return nil, fmt.Errorf("commit checkpoint: exit %d: %s", code, cutText(out, 500))
	case out == "":
		return nil, nil
	case !hexSHA.MatchString(sha):
		return nil, fmt.Errorf("commit checkpoint: git said %q", cutText(out, 500))
	}
	return &checkpoint{SHA: sha, Message: r.Subject, Stats: countChanges(changes)}, nil
}

// maxSubject is the length of a checkpoint's subject in characters, minSubject
// in bytes that of a sentence that makes one.
const (
	maxSubject = 60
	minSubject = 10
)

var sentenceEnd = regexp.MustCompile(`[.!?:;。]( |$)`)

// subjectOf names a checkpoint after its prompt.
func subjectOf(prompt string) string {
	for line := range strings.Lines(prompt) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" {
			continue
		}
		// A first sentence that can stand alone is enough.
		if end := sentenceEnd.FindStringIndex(line); end != nil && end[0] >= minSubject {
			line = line[:end[0]]
		}
		if utf8.RuneCountInString(line) <= maxSubject {
			return line
		}
		cut := string([]rune(line)[:maxSubject-1])
		if i := strings.LastIndexByte(cut, ' '); i > maxSubject/2 {
			cut = cut[:i]
		}
		return cut + "…"
	}
	return "Checkpoint"
}

// maxStatFiles is how many files a checkpoint names; all are counted.
const maxStatFiles = 300

// countChanges reads the output of git diff --numstat.
func countChanges(out string) stats {
	s := stats{Files: []fileStat{}}
	for line := range strings.Lines(out) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 3)
		if len(parts) != 3 {
			continue
		}
		f := fileStat{Path: unquotePath(parts[2])}
		// Binary files say "-": they count as changed, with no lines.
		f.Additions, _ = strconv.Atoi(parts[0])
		f.Deletions, _ = strconv.Atoi(parts[1])
		s.FilesChanged++
		s.Additions += f.Additions
		s.Deletions += f.Deletions
		if len(s.Files) < maxStatFiles {
			s.Files = append(s.Files, f)
		}
	}
	return s
}

// unquotePath reads a name as git quotes odd ones.
func unquotePath(p string) string {
	if !strings.HasPrefix(p, `"`) {
		return p
	}
	if u, err := strconv.Unquote(p); err == nil {
		return u
	}
	return p
}
