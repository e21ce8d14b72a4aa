//go:build linux

package toolbox

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Account is the user of a sandbox, as the server, which is somebody else,
// acts for them. A nil Account is the server's own user.
type Account struct {
	UID, GID int
}

// start returns how a process of job j is started: with the user's ids, the
// group of its job, and no capability.
func (a *Account) start(j job) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{
			Uid: uint32(a.UID), Gid: uint32(a.GID), Groups: []uint32{uint32(a.GID), j.Group},
		}
	}
	return attr
}

// do runs f with the user's rights: what f may open, and whose a file is that
// it makes, is decided by the kernel and not by checks of ours.
//
// The rights are those of one thread, to which the goroutine is bound
// meanwhile; Go starts no other thread from a bound one. Its real and saved
// user stay the server's, so the user can neither signal nor trace it.
func (a *Account) do(f func() error) error {
	if a == nil {
		return f()
	}
	runtime.LockOSThread()
	uid, gid := unix.Getuid(), unix.Getgid()
	err := a.assume()
	defer func() {
		if err := resume(uid, gid); err != nil {
			// Nothing else may ever run on this thread.
			fmt.Fprintln(os.Stderr, "toolbox: can't take its own rights back:", err)
			os.Exit(1)
		}
		runtime.UnlockOSThread()
	}()
	if err != nil {
		return fmt.Errorf("act as user %d: %w", a.UID, err)
	}
	return f()
}

// assume gives the calling thread the user's rights.
func (a *Account) assume() error {
	group := uint32(a.GID)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&group)), 0); errno != 0 { //nolint:gosec // the call takes an address
		return errno
	}
	if err := threadCall(unix.SYS_SETRESGID, keep, uintptr(a.GID), keep); err != nil {
		return err
	}
	return threadCall(unix.SYS_SETRESUID, keep, uintptr(a.UID), keep) // last: it takes the capabilities
}

// resume gives the calling thread the server's rights back.
func resume(uid, gid int) error {
	if err := threadCall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); err != nil {
		return err
	}
	if err := threadCall(unix.SYS_SETRESGID, keep, uintptr(gid), keep); err != nil {
		return err
	}
	return threadCall(unix.SYS_SETGROUPS, 0, 0, 0)
}

// keep is the id that means no change.
const keep = ^uintptr(0)

// threadCall makes a system call that changes the calling thread: the functions
// of packages syscall and unix change every thread of the process.
func threadCall(number, a, b, c uintptr) error {
	if _, _, errno := unix.RawSyscall(number, a, b, c); errno != 0 {
		return errno
	}
	return nil
}

// give lets the processes of job j, and of the user nobody else, use a file of
// the server's by its group's bits.
func (a *Account) give(path string, j job, mode uint32) error {
	if a == nil {
		return nil
	}
	if err := os.Chown(path, -1, int(j.Group)); err != nil {
		return err
	}
	return unix.Chmod(path, mode) // after the owner, and whatever the umask
}

// asUser runs a handler with the user's rights.
func (s *Server) asUser(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.cfg.Account.do(func() error { return h(w, r) })
	}
}

// mkdir makes a folder of the server's that the user may go through, to what
// was given to one of their jobs, but not list.
func mkdir(path string) error {
	if err := os.MkdirAll(path, 0o711); err != nil {
		return err
	}
	return os.Chmod(path, 0o711)
}
