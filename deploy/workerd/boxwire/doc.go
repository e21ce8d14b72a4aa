// Package boxwire carries workerd.Boxes from one process to another on the
// same machine: boxes need root, the server that publishes apps should not
// have it. Handler stands in the process with root, Client in the other.
//
// A box lives as long as the connection that opened it, so a client that dies
// leaves none behind. Every byte stream is a connection of its own: an HTTP
// request that is answered with 101 and is plain bytes from then on.
//
//	GET  /boxes/open?label=L         101; lines of JSON: {"id"}, then {"done":true}; ends the box when it ends
//	POST /boxes/{id}/listen          {"inside"}: the address; listeners are numbered from 0
//	GET  /boxes/{id}/accept/{n}      101, once the program has connected to listener n
//	GET  /boxes/{id}/dial/{port}     101, connected to the program
//	POST /boxes/{id}/start           a start message
//	GET  /boxes/{id}/output          what the program wrote last
//	HEAD, PUT /boxes/files/sha256/{hash}: files are sent once, by their content
//
// All of them want the key as a bearer token. Files come as content and not as
// paths: who holds the key can run confined programs, but read nothing of the
// other user's.
package boxwire
