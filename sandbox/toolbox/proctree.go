//go:build linux

package toolbox

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// jobVar marks all processes that one session or one command started: a
// process that left its group, session and parent still carries it.
const jobVar = "TOOLBOX_JOB"

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

// jobProcs returns the living processes of a job: the leader, its session,
// their descendants, and whoever carries the job's mark. Leader 0 is none.
func jobProcs(leader int, job string) []int {
	procs := allProcs()
	member := map[int]bool{}
	mark := []byte(jobVar + "=" + job)
	self := os.Getpid()
	for _, p := range procs {
		if p.pid == self || p.pid == 1 {
			continue
		}
		if leader > 0 && (p.pid == leader || p.session == leader) || hasMark(p.pid, mark) {
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

func hasMark(pid int, mark []byte) bool {
	env, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	for kv := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(kv, mark) {
			return true
		}
	}
	return false
}

// killJob ends a job: a polite signal, a moment, then the hard one until
// nothing is left, because what forks faster than it is killed must be looked
// for again.
func killJob(ctx context.Context, leader int, job string, grace time.Duration) {
	if grace > 0 {
		signalAll(jobProcs(leader, job), unix.SIGTERM)
		for deadline := time.Now().Add(grace); time.Now().Before(deadline) && len(jobProcs(leader, job)) > 0; {
			if !pause(ctx, 10*time.Millisecond) {
				break
			}
		}
	}
	for range 200 {
		pids := jobProcs(leader, job)
		if len(pids) == 0 {
			return
		}
		// Stopped processes do not fork while the others are killed.
		signalAll(pids, unix.SIGSTOP)
		signalAll(jobProcs(leader, job), unix.SIGKILL)
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
