//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// job names all processes that one session, one terminal or one command
// started: a process that left its process group, session and parent is still
// of its job.
type job struct {
	// ID is in the environment of its processes, under jobVar. It finds them
	// where the server is the user itself and can't set groups.
	ID string `json:"job"`
	// Group is a supplementary group of its processes, which only root could
	// take from them. Files that a job may use are of its group.
	Group uint32 `json:"group"`
}

const jobVar = "TOOLBOX_JOB"

// newJob returns a job that no other process is of. Groups below a million may
// mean something to somebody; numbers are random so that those of processes
// that escaped long ago do not come back.
func newJob() job {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails; the program ends before it does
	return job{ID: uuid.NewString(), Group: 1<<20 + binary.NativeEndian.Uint32(b[:])%(1<<31-1<<20)}
}

// proc is one running process.
type proc struct {
	pid, ppid, session int
	zombie             bool
}

// readProc reads /proc/<pid>/stat.
func readProc(pid int) (proc, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return proc{}, false
	}
	// The second field is the name in parentheses and may hold anything.
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return proc{}, false
	}
	f := strings.Fields(string(text[end+1:]))
	if len(f) < 4 {
		return proc{}, false
	}
	p := proc{pid: pid, zombie: f[0] == "Z" || f[0] == "X"}
	p.ppid, _ = strconv.Atoi(f[1])    // the kernel writes numbers
	p.session, _ = strconv.Atoi(f[3]) // as above
	return p, true
}

func allProcs() []proc {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var procs []proc
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := readProc(pid); ok && !p.zombie {
			procs = append(procs, p)
		}
	}
	return procs
}

// procs returns the job's living processes: the leader, its session, their
// descendants, and whoever carries the job's mark. Leader 0 is none.
func (j job) procs(leader int) []int {
	procs := allProcs()
	member := map[int]bool{}
	self := os.Getpid()
	for _, p := range procs {
		if p.pid == self || p.pid == 1 {
			continue
		}
		if leader > 0 && (p.pid == leader || p.session == leader) || j.marks(p.pid) {
			member[p.pid] = true
		}
	}
	for grew := true; grew; {
		grew = false
		for _, p := range procs {
			if member[p.ppid] && !member[p.pid] && p.pid != self {
				member[p.pid], grew = true, true
			}
		}
	}
	pids := make([]int, 0, len(member))
	for pid := range member {
		pids = append(pids, pid)
	}
	return pids
}

// marks tells whether a process is the job's by its group or, where the server
// may read that, by its environment.
func (j job) marks(pid int) bool {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	if status, err := os.ReadFile(filepath.Join(dir, "status")); err == nil {
		for line := range bytes.Lines(status) {
			if groups, ok := bytes.CutPrefix(line, []byte("Groups:")); ok {
				if slices.Contains(strings.Fields(string(groups)), strconv.FormatUint(uint64(j.Group), 10)) {
					return true
				}
				break
			}
		}
	}
	env, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil {
		return false
	}
	mark := []byte(jobVar + "=" + j.ID)
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(kv, mark) {
			return true
		}
	}
	return false
}

// kill ends the job: a polite signal, a moment, then the hard one until
// nothing is left, because what forks faster than it is killed must be looked
// for again.
func (j job) kill(ctx context.Context, leader int, grace time.Duration) {
	if grace > 0 {
		signalAll(j.procs(leader), unix.SIGTERM)
		for deadline := time.Now().Add(grace); time.Now().Before(deadline) && len(j.procs(leader)) > 0; {
			if !pause(ctx, 10*time.Millisecond) {
				break
			}
		}
	}
	for range 200 {
		pids := j.procs(leader)
		if len(pids) == 0 {
			return
		}
		// Stopped processes do not fork while the others are killed.
		signalAll(pids, unix.SIGSTOP)
		signalAll(j.procs(leader), unix.SIGKILL)
		if !pause(context.WithoutCancel(ctx), 5*time.Millisecond) {
			return
		}
	}
}

func signalAll(pids []int, sig unix.Signal) {
	for _, pid := range pids {
		_ = unix.Kill(pid, sig) // it may have ended since it was listed
	}
}

// pause waits for d; false means that ctx was done first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
