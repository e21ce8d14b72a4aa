package socket

import "sync"

// crowd counts by address who is there, and lets only so many of each in.
type crowd struct {
	most int

	mu sync.Mutex
	of map[string]int
}

// enter counts one more, unless the address has as many as it may.
func (c *crowd) enter(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[address] >= c.most {
		return false
	}
	c.of[address]++
	return true
}

// stay counts one who is there already and can't be turned away.
func (c *crowd) stay(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[address]++
}

func (c *crowd) leave(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[address]--
	if c.of[address] <= 0 {
		delete(c.of, address)
	}
}
