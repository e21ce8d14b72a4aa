//go:build linux

package toolbox

type ptyTable struct{}

func newPTYTable(*Server) *ptyTable { return &ptyTable{} }
func (*ptyTable) closeAll()         {}
func (s *Server) ptyRoutes()        {}
