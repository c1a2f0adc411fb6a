package group

import (
	"context"
	"errors"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
)

// localTransport is the transport of a node that has no peers: it listens nowhere and reaches nobody. RaftAddress is
// then a mere name.
type localTransport struct{}

var errNoPeers = errors.New("group: this node has no transport to other nodes")

func (localTransport) Create(config.NodeHostConfig, raftio.MessageHandler, raftio.ChunkHandler) raftio.ITransport {
	return localTransport{}
}

func (localTransport) Validate(string) bool { return true }
func (localTransport) Name() string         { return "local" }
func (localTransport) Start() error         { return nil }
func (localTransport) Close() error         { return nil }

func (localTransport) GetConnection(context.Context, string) (raftio.IConnection, error) {
	return nil, errNoPeers
}

func (localTransport) GetSnapshotConnection(context.Context, string) (raftio.ISnapshotConnection, error) {
	return nil, errNoPeers
}
