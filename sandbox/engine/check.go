//go:build linux

package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Check tries what the engine needs of the host and returns what does not
// work, each in one line with the way out. It leaves nothing behind and needs
// no data folder. runsc is the command as in Config.
func Check(ctx context.Context, runscCommand []string) []error {
	if os.Geteuid() != 0 {
		return []error{errors.New("sandboxes need root: start it with sudo")}
	}
	name := "check" + strconv.Itoa(os.Getpid())
	var problems []error
	try := func(what, wayOut string, do func() error) {
		if err := do(); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w; %s", what, err, wayOut))
		}
	}
	try("no network namespaces", "run it on the machine itself or in a container with CAP_SYS_ADMIN and CAP_NET_ADMIN", func() error {
		ns, err := makeNetns("surgent-" + name)
		if err != nil {
			return err
		}
		return errors.Join(ns.Close(), removeNetns("surgent-"+name))
	})
	try("no nftables", "load the kernel module nf_tables", func() error {
		if err := raiseFirewall("surgent_"+name, name, gateways[0]); err != nil {
			return err
		}
		return lowerFirewall("surgent_" + name)
	})
	try("memory, processors and processes can't be limited", "give it a cgroup file system that it may write", func() error {
		groups, err := openCgroups(name)
		groups.close()
		return err
	})
	try("no address for the way out", "free one of the networks that it names", func() error {
		_, err := chooseGateway()
		return err
	})
	try("sandboxes would be cut off", "packages could not be installed", func() error { return checkWayOut(ctx) })
	try("gVisor does not start", "see whether seccomp or the kernel forbids ptrace and user namespaces", func() error {
		dir, err := os.MkdirTemp("", "surgent-check-")
		if err != nil {
			return err
		}
		r := &runsc{argv: runscCommand, root: dir}
		err = r.call(ctx, 30*time.Second, append(append([]string{}, runscCommand[1:]...),
			"--root="+dir, "--platform=systrap", "--ignore-cgroups", "--network=none", runscFlags[len(runscFlags)-1], "do", "true"))
		r.removeRoot()
		return err
	})
	return problems
}
