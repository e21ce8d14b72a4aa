// Package agent works on prompts: a run is a document and a job, and its
// journal is documents too. Every model step and every tool call is written
// before the next begins, in the same mutation as the timeline rows that it
// makes, so that a process can die at any moment and the next one goes on
// where it ended: a model step without its end is asked again, a call that has
// no effect or whose file tells is repeated or concluded, and a shell command
// is followed, because it runs in a session of the sandbox that bears the
// call's id.
//
//	queued ─▶ running ⇄ waiting ─▶ succeeded | failed | cancelled | interrupted
//
// One run works at a time in a project; the runs of all its sessions wait in
// the order of their prompts. Whoever works holds the project's lease, which
// lasts as long as its server says every few seconds that it lives, and every
// mutation of the journal compares the lease's fence, so a worker that lost it
// can write nothing more. A run ends with
// exactly one result row, in the mutation that also writes its checkpoint.
//
// Prompts come in through Enqueue from sessions, which is below in the flow;
// what a model is still writing leaves through streams that the queries
// runs:streamHead, runs:streamChunk and runs:toolOutput read.
package agent
