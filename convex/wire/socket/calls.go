package socket

import (
	"context"
	"sync"

	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/store"
)

// call is a mutation or action with the identity that it arrived under.
type call struct {
	id       uint32
	bytes    int64 // of its arguments as they came
	function function.Call
}

// mutate runs the mutations one after the other. One that has begun is
// finished although the socket is gone; those that wait come again with the
// client's next connection.
func (s *session) mutate(ctx, work context.Context) {
	for {
		c, ok := s.mutations.next()
		if !ok || ctx.Err() != nil {
			return
		}
		key := store.Request{Session: s.id, ID: c.id}
		res := s.handler.config.Runner.Mutation(work, c.function, function.MutationOptions{
			Request:  &key,
			AtCommit: s.client.Hold,
		})
		reply := encodeResponse(mutationResponse, c.id, res)
		if res.Failure != nil {
			s.client.ReplyFailed(reply)
		} else {
			s.client.Reply(reply, res.Timestamp)
		}
	}
}

// act runs the actions, many at once. They go on when the socket is gone:
// nobody waits for the answer, but what they began should end well.
func (s *session) act(work context.Context) {
	var running sync.WaitGroup
	room := make(chan struct{}, maxActions) // one token per running action
	for {
		c, ok := s.actions.next()
		if !ok {
			break
		}
		room <- struct{}{}
		running.Go(func() {
			res := s.handler.config.Runner.Action(work, c.function)
			<-room
			s.client.Reply(encodeResponse(actionResponse, c.id, res), 0)
		})
	}
	running.Wait()
}
