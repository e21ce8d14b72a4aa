package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leastFree is how much room the data folder needs at a start, in bytes.
const leastFree = 256 << 20

// openData makes the data folder and takes it for this process: two servers
// on one folder would both believe that they run its sandboxes and jobs.
func openData(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return nil, fmt.Errorf("SURGENT_DATA: the folder %s can't be made (%w): choose one that this user may write", dir, cause(err))
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err == nil {
		if free := fs.Bavail * uint64(fs.Bsize); free < leastFree {
			return nil, fmt.Errorf("SURGENT_DATA: only %d MB are free in %s: make room, or choose another folder", free>>20, dir)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "server.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("SURGENT_DATA: %s can't be written (%w): choose a folder that this user may write", dir, cause(err))
	}
	if err := lock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("SURGENT_DATA: another server runs on %s: stop it, or choose another folder", dir)
	}
	return func() {
		// Closing alone would not do while a child that has just been forked
		// still holds the file.
		_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
		_ = f.Close()
	}, nil
}

// lockPatience is how long a start waits for the data folder. A child that the
// last server had just forked holds its files until it runs its own program:
// on a busy machine a moment longer than a server that was killed.
const lockPatience = 3 * time.Second

// lock takes a file for this process.
func lock(f *os.File) error {
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || time.Since(begin) > lockPatience {
			return err
		}
	}
}

// openCache makes the folder of images and sees that it may be written.
func openCache(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = unix.Access(dir, unix.W_OK)
	}
	if err != nil {
		return fmt.Errorf("SURGENT_CACHE: the folder %s can't be written (%w): choose one that this user may write", dir, cause(err))
	}
	return nil
}

// listen opens an address, or says how to get another: setting names what
// chooses it.
func listen(setting, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is taken: stop what listens there, or choose another port", setting, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s: choose a port above 1023", setting, addr)
	}
	return nil, fmt.Errorf("%s: can't listen on %s (%w): choose an address of this machine, such as 127.0.0.1:3210", setting, addr, cause(err))
}

// cause returns the innermost error, without the call and path around it.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
