// Package toolbox is the server inside a sandbox: Daytona's toolbox API over
// the sandbox's own files, processes and git. The binary surgent-toolbox runs
// it; outside, sandbox/engine passes requests on to it and sandbox/daytona
// speaks to it.
//
// What it promises:
//   - A command of a process session runs on when the server dies. Its output,
//     its exit code and the session's list of commands are files below
//     StateDir, and a new server takes up what it finds there.
//   - An exit code is shown after all output that the command wrote itself.
//   - Every request is asked for the bearer token, and nothing that the
//     server starts knows it.
//
// In a sandbox the server is root, with the few capabilities that this takes,
// and the user's processes have none: they can't end it, read it, change what
// it keeps or take its port. What it does to files it does on a thread that has
// the user's rights (Account), so that the kernel says what is allowed. Every
// session, terminal and command is a job: a supplementary group of its own says
// which processes are part of it and may use its pipes.
//
// What a request answers about files and commands is still the user's word:
// whoever reads it takes it for hostile input.
package toolbox
