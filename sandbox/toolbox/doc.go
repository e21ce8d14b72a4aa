// Package toolbox is the server inside a sandbox: Daytona's toolbox API over
// the sandbox's own files, processes and git. The binary surgent-toolbox runs
// it; outside, sandbox/engine passes requests on to it and sandbox/daytona
// speaks to it.
//
// What it promises:
//   - A command of a process session runs on when the server dies. Its output,
//     its exit code and the session's list of commands are files below
//     StateDir, and a new server takes up what it finds there.
//   - A log is written by the command itself, into one file per stream; the
//     server only notes in which order the two grew. An exit code is shown
//     after all output that the command wrote itself.
//   - Every request is asked for the bearer token, and nothing that the
//     server starts knows it.
//
// The server works as the user it runs as, and the user's processes are that
// user too: what one sandbox's user breaks is that sandbox.
package toolbox
