//go:build linux

package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// process is what a container runs.
type process struct {
	root     string // root file system, never written
	args     []string
	env      []string
	cwd      string
	uid, gid uint32
	hostname string
	netns    string // path
	caps     []string
	memory   int64         // bytes that it is told it has; the machine's when 0
	mounts   []specs.Mount // beside the usual ones
}

// initCaps is what the toolbox of a sandbox may do: be the user for a process or
// for a request, end what the user started, and give them files. The user's
// processes have none of it.
var initCaps = []string{"CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"}

// writeBundle writes config.json of a container into dir. The parts that a
// restore compares with the image (arguments, mounts) depend on nothing but
// the program's version and the root's path.
func writeBundle(dir string, p process) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// For programs that size themselves by it; the binary that runs runsc reads
	// this. The control group is what limits.
	if err := writeFile(filepath.Join(dir, "memory"), []byte(strconv.FormatInt(p.memory, 10)), false); err != nil {
		return err
	}
	files := uint64(20000)
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err == nil && lim.Max < files {
		files = lim.Max
	}
	spec := specs.Spec{
		Version:  "1.0.2",
		Hostname: p.hostname,
		Root:     &specs.Root{Path: p.root},
		Process: &specs.Process{
			Args: p.args, Env: p.env, Cwd: p.cwd,
			User:            specs.User{UID: p.uid, GID: p.gid},
			NoNewPrivileges: true,
			Capabilities: &specs.LinuxCapabilities{
				Bounding: p.caps, Effective: p.caps, Permitted: p.caps,
			},
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: files, Soft: files}},
		},
		Mounts: append([]specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=1777", "size=512m"}},
		}, p.mounts...),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.NetworkNamespace, Path: p.netns},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("encode container: %w", err)
	}
	return writeFile(filepath.Join(dir, "config.json"), text, false)
}
