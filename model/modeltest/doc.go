// Package modeltest is a scripted server with the manners of the Anthropic
// Messages API, for tests of anything that talks to it: the provider, the
// agent's loop, and the whole program in a browser. It is strict: it refuses
// with 400 what the real API refuses, because a loop that only a lenient
// server accepts breaks on the first real conversation.
//
// A Script decides each answer from the request, in Go or from a JSON file
// (File). Answers stream as the real ones do and can be broken in the ways in
// which real ones break (Fault). The server keeps a prompt cache by the real
// one's rule, equal bytes before a mark, so that tests can see what a real
// conversation would cost.
package modeltest
