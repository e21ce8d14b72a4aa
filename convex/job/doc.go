// Package job keeps scheduled functions on River, in the store's own database:
// a job is inserted in the transaction that schedules it, so the two are
// committed together or not at all.
//
// A scheduled mutation runs exactly once: the row that says that it ran is
// written in its own transaction. A scheduled action runs at least once: when
// the process stops or dies in the middle, it starts again, at once on the next
// start. A function that fails is not tried again, except for a mutation that
// failed by no fault of its caller, since it left nothing behind.
package job
