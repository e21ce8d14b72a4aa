// Package engine is the sandbox engine that is built into the program: it
// runs sandboxes with gVisor on this machine and serves the Daytona API for
// them, so that sandbox/daytona is the one client of both.
//
// A sandbox is one gVisor container over the read-only base of
// sandbox/engine/base, with its own overlay, network namespace and control
// group, and sandbox/toolbox as its first process. The engine talks to it over
// HTTP only.
//
// What it promises:
//   - Sandboxes are no children of the server. An engine opened on the data
//     folder of one that died adopts the sandboxes that still run; the others
//     are stopped and start from their last save.
//   - Stop saves the files, then the whole memory; start brings back the whole,
//     or only the files when the memory image is missing, stale or broken.
//   - Live snapshots freeze a running sandbox; sandboxes made from one wake with
//     its processes running. Their toolbox gets a token of its own before
//     anything else can reach them.
//   - Nothing that runs in a sandbox can answer in its toolbox's place.
//   - A sandbox reaches nothing but the engine's proxy, which lets it out to
//     the package sources that the host itself uses and to public git hosts.
//   - Several engines may run on one host; everything that they name (network
//     namespaces, nftables table, control groups) carries the instance.
//
// Files: engine.go and instance.go open and close, catalog.go knows snapshots,
// lifecycle.go moves a sandbox between its states, runsc.go and spec.go speak
// with gVisor, network.go, firewall.go, egress.go and cgroup.go confine,
// api*.go, toolbox.go and preview.go are the doors, box.go runs single
// programs in the same confinement.
package engine
