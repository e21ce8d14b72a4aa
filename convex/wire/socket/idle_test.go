package socket_test

import (
	"runtime"
	"testing"

	"surgent.dev/surgent/convex/wire/socket"
)

// BenchmarkIdleConnection measures what the server holds for a connection that
// watches one query and is idle, together with its peer's end in this process.
func BenchmarkIdleConnection(b *testing.B) {
	d := openDoor(b, func(c *socket.Config) { c.Limits.AnonymousSockets = 1 << 20 })
	const connections = 200
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range connections {
			c := d.dial()
			d.send(c, `{"type":"ModifyQuerySet","baseVersion":0,"newVersion":1,"modifications":[{"type":"Add","queryId":0,"udfPath":"things:text","args":[{}]}]}`)
			d.read(c, "Transition")
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		held := after.HeapAlloc + after.StackInuse - before.HeapAlloc - before.StackInuse
		b.ReportMetric(float64(held)/connections/1024, "KiB/connection")
	}
}
