package agent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"surgent.dev/surgent/internal/builder/projects"
	"surgent.dev/surgent/internal/kit/clock"
	"surgent.dev/surgent/sandbox"
)

// tidyTimeout bounds what is done after a context has ended, so that a stop
// does not wait for a sandbox that does not answer.
const tidyTimeout = 5 * time.Second

// saveTimeout bounds the way of one checkpoint out of its sandbox.
const saveTimeout = 5 * time.Minute

// maxBundle is the largest bundle, in bytes, that is taken from a sandbox.
const maxBundle = 200 << 20

// Repos keeps the checkpoints of all projects outside of their sandboxes: one
// bare repository per project, one ref per checkpoint. What comes from a
// sandbox is hostile: only a bundle is taken, bounded, and git checks each
// object before it keeps any.
type Repos struct {
	dir string
	now func() time.Time
}

// NewRepos returns the repositories below a data directory; it does no I/O.
func NewRepos(dataDir string) *Repos {
	return &Repos{dir: filepath.Join(dataDir, "repos"), now: clock.Now}
}

var projectID = regexp.MustCompile(`^[0-9a-z]{1,64}$`)

// path returns where a project's repository is.
func (s *Repos) path(id projects.ID) (string, error) {
	if !projectID.MatchString(string(id)) {
		return "", fmt.Errorf("repository of project %q: not an id", id)
	}
	return filepath.Join(s.dir, string(id)+".git"), nil
}

// git runs git on the host, apart from the configuration of whoever runs the
// server.
func (s *Repos) git(ctx context.Context, args ...string) (string, error) {
	return s.feed(ctx, nil, args...)
}

// bounded is git in 2 GiB of memory: a few kilobytes of a hostile pack unpack
// to any size, and here is the host. What git maps and how it packs is kept
// well below that.
const bounded = `ulimit -v 2097152 && exec git -c core.packedGitWindowSize=32m -c core.packedGitLimit=512m -c pack.windowMemory=256m -c pack.threads=2 "$@"`

// feed is git with an input.
func (s *Repos) feed(ctx context.Context, input io.Reader, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", bounded, "git"}, args...)...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C",
	}
	cmd.Stdin = input
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", verb(args), err, cutText(strings.TrimSpace(string(out)), 500))
	}
	return string(out), nil
}

// verb returns git's command in a list of arguments.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-c", "--git-dir":
			i++
		default:
			return args[i]
		}
	}
	return ""
}

// newest returns the number and the commit of the newest checkpoint, 0 and ""
// when there is none.
func (s *Repos) newest(ctx context.Context, repo string) (int, string, error) {
	if _, err := os.Stat(repo); errors.Is(err, os.ErrNotExist) {
		return 0, "", nil
	}
	out, err := s.git(ctx, "--git-dir", repo, "for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/checkpoints/")
	if err != nil {
		return 0, "", err
	}
	n, sha := 0, ""
	for line := range strings.Lines(out) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i, err := strconv.Atoi(name); err == nil && i > n {
			n, sha = i, id
		}
	}
	return n, sha, nil
}

// ensure makes a repository where there is none. It appears whole or not at
// all: half of one would fail every checkpoint after a crash.
func (s *Repos) ensure(ctx context.Context, repo string) error {
	if _, err := os.Stat(repo); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("make repository folder: %w", err)
	}
	tmp, err := os.MkdirTemp(s.dir, "new-*")
	if err != nil {
		return fmt.Errorf("make repository: %w", err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // gone, when all went well
	if _, err := s.git(ctx, "init", "-q", "--bare", tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, repo); err != nil {
		return fmt.Errorf("make repository: %w", err)
	}
	return nil
}

// sweep removes the temporary files of a process that died.
func (s *Repos) sweep() error {
	for _, pattern := range []string{"bundle-*", "restore-*", "new-*"} {
		old, err := filepath.Glob(filepath.Join(s.dir, pattern))
		if err != nil {
			return fmt.Errorf("look for temporary files: %w", err)
		}
		for _, name := range old {
			if err := os.RemoveAll(name); err != nil {
				return fmt.Errorf("remove temporary file: %w", err)
			}
		}
	}
	return nil
}

// staleLock is the age from which a lock of a ref was left by a git that died.
const staleLock = time.Minute

// unlock removes such a lock; one worker at a time writes a project's refs.
func unlock(ref string, now time.Time) error {
	info, err := os.Stat(ref + ".lock")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || now.Sub(info.ModTime()) < staleLock {
		return err // nil when somebody may hold it
	}
	return os.Remove(ref + ".lock")
}

// Save brings a checkpoint of a sandbox into the project's repository as
// number n. Saving it again changes nothing.
func (s *Repos) Save(ctx context.Context, id projects.ID, tb sandbox.Toolbox, dir, sha string, n int) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	repo, err := s.path(id)
	if err != nil {
		return err
	}
	if err := s.ensure(ctx, repo); err != nil {
		return err
	}
	_, last, err := s.newest(ctx, repo)
	if err != nil {
		return err
	}
	if last == sha {
		return nil
	}
	bundle, err := s.fetchBundle(ctx, tb, dir, last, sha)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(bundle) }() // a temporary file
	if err := s.unbundle(ctx, repo, bundle); err != nil {
		return fmt.Errorf("save checkpoint %d: %w", n, err)
	}
	// Everything that the commit needs is there, or the ref is not made.
	if _, err := s.git(ctx, "--git-dir", repo, "rev-list", "--objects", "--quiet", sha, "--not", "--all"); err != nil {
		return fmt.Errorf("save checkpoint %d: %w", n, err)
	}
	ref := "refs/checkpoints/" + strconv.Itoa(n)
	if err := unlock(filepath.Join(repo, ref), s.now()); err != nil {
		return fmt.Errorf("save checkpoint %d: %w", n, err)
	}
	_, err = s.git(ctx, "--git-dir", repo, "update-ref", ref, sha)
	return err
}

// strict makes errors of entries that a checkout would place where none
// belongs; git only warns of them by default.
const strict = "--strict=hasDot=error,hasDotdot=error,hasDotgit=error,fullPathname=error,emptyName=error"

// unbundle takes the objects of a bundle, each of them checked. Fetching from
// a bundle would not check them: git learned that only lately.
func (s *Repos) unbundle(ctx context.Context, repo, bundle string) error {
	f, err := os.Open(bundle)
	if err != nil {
		return fmt.Errorf("open bundle: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	r := bufio.NewReaderSize(f, 64<<10)
	for i := 0; ; i++ {
		line, err := r.ReadSlice('\n')
		if err != nil || (i == 0 && !bytes.HasPrefix(line, []byte("# v"))) {
			return errors.New("what the sandbox sent is no bundle")
		}
		if len(line) == 1 {
			break // the pack begins
		}
	}
	_, err = s.feed(ctx, r, "--git-dir", repo, "index-pack", "--stdin", "--fix-thin", strict)
	return err
}

// fetchBundle makes a bundle in the sandbox and downloads it to a temporary
// file. The range starts at last where the sandbox still knows it.
func (s *Repos) fetchBundle(ctx context.Context, tb sandbox.Toolbox, dir, last, sha string) (string, error) {
	// A name of its own: an attempt that a crash cut off may have left a lock.
	remote := "/tmp/.surgent-" + uuid.NewString() + ".bundle"
	script := "set -e\nLAST=" + quote(last) + " SHA=" + quote(sha) + " OUT=" + quote(remote) + `
git update-ref refs/surgent/checkpoint "$SHA"
if test -n "$LAST" && git merge-base --is-ancestor "$LAST" "$SHA" 2>/dev/null; then
  git bundle create -q "$OUT" "$LAST..refs/surgent/checkpoint"
else
  git bundle create -q "$OUT" refs/surgent/checkpoint
fi`
	out, code, err := git(ctx, tb, dir, script)
	if err != nil {
		return "", err
	}
	if code != 0 {
		return "", fmt.Errorf("bundle checkpoint: exit %d: %s", code, cutText(out, 500))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
		defer cancel()
		_ = tb.DeleteFile(ctx, remote, false) // small garbage in a sandbox's /tmp, when it stays
	}()
	body, err := tb.Download(ctx, remote)
	if err != nil {
		return "", fmt.Errorf("download bundle: %w", err)
	}
	defer func() { _ = body.Close() }() // read to the end or given up
	f, err := os.CreateTemp(s.dir, "bundle-*")
	if err != nil {
		return "", fmt.Errorf("make temporary file: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(body, maxBundle+1))
	if err == nil && n > maxBundle {
		err = fmt.Errorf("the bundle is larger than %d MiB", maxBundle>>20)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name()) // a temporary file
		return "", fmt.Errorf("download bundle: %w", err)
	}
	return f.Name(), nil
}

// restoreScript takes the files of a bundle's checkpoint. Ignored files, such
// as installed packages, stay.
const restoreScript = `set -e
test -e .git || git init -q
rm -f .git/index.lock .git/HEAD.lock
git fetch -q --no-tags "$IN" refs/surgent/restore
rm -f "$IN"
git checkout -q -f -B main FETCH_HEAD
git clean -q -f -d
`

// Restore puts the files of a project's newest checkpoint into the work folder
// of a sandbox, with their history, and tells whether there was one.
func (s *Repos) Restore(ctx context.Context, id projects.ID, tb sandbox.Toolbox) (bool, error) {
	repo, err := s.path(id)
	if err != nil {
		return false, err
	}
	n, sha, err := s.newest(ctx, repo)
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := s.git(ctx, "--git-dir", repo, "update-ref", "refs/surgent/restore", sha); err != nil {
		return false, err
	}
	f, err := os.CreateTemp(s.dir, "restore-*")
	if err != nil {
		return false, fmt.Errorf("make temporary file: %w", err)
	}
	name := f.Name()
	_ = f.Close()                          // git writes it by name
	defer func() { _ = os.Remove(name) }() // a temporary file
	if _, err := s.git(ctx, "--git-dir", repo, "bundle", "create", "-q", name, "refs/surgent/restore"); err != nil {
		return false, err
	}
	bundle, err := os.Open(name)
	if err != nil {
		return false, fmt.Errorf("open bundle: %w", err)
	}
	defer func() { _ = bundle.Close() }() // read only
	remote := "/tmp/.surgent-" + uuid.NewString() + ".bundle"
	if err := tb.UploadFiles(ctx, []sandbox.Upload{{Path: remote, Content: bundle}}); err != nil {
		return false, fmt.Errorf("upload checkpoint: %w", err)
	}
	dir, err := tb.WorkDir(ctx)
	if err != nil {
		return false, fmt.Errorf("ask for the working folder: %w", err)
	}
	out, code, err := git(ctx, tb, dir, "IN="+quote(remote)+"\n"+restoreScript)
	if err != nil {
		return false, err
	}
	if code != 0 {
		return false, fmt.Errorf("restore checkpoint %d: exit %d: %s", n, code, cutText(out, 500))
	}
	return true, nil
}

// Remove deletes a project's repository. One that is not there is fine.
func (s *Repos) Remove(_ context.Context, id projects.ID) error {
	repo, err := s.path(id)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(repo); err != nil {
		return fmt.Errorf("remove repository: %w", err)
	}
	return nil
}
