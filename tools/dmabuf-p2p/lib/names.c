// SPDX-License-Identifier: MIT
#include "dmabuf-phys.h"

#define WORD(words, i) \
	((i) < sizeof(words) / sizeof((words)[0]) && (words)[i] ? (words)[i] : "?")

const char *dmabuf_phys_state_name(uint32_t state)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_LIVE] = "live",
		[DMA_BUF_PHYS_QUERY_REVOKED] = "revoked",
		[DMA_BUF_PHYS_QUERY_DEAD] = "dead",
	};

	return WORD(words, state);
}

const char *dmabuf_phys_type_name(uint32_t type)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_CPU] = "cpu",
		[DMA_BUF_PHYS_QUERY_P2P] = "p2p",
		[DMA_BUF_PHYS_QUERY_ENCRYPTED] = "encrypted",
	};

	return WORD(words, type);
}

const char *dmabuf_phys_attr_name(uint32_t attr)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_QUERY_WB] = "wb",
		[DMA_BUF_PHYS_QUERY_WC] = "wc",
		[DMA_BUF_PHYS_QUERY_UC] = "uc",
	};

	return WORD(words, attr);
}

const char *dmabuf_phys_route_name(uint32_t route)
{
	static const char *const words[] = {
		[DMA_BUF_PHYS_ROUTE_UNKNOWN] = "unknown",
		[DMA_BUF_PHYS_ROUTE_MEMORY] = "memory",
		[DMA_BUF_PHYS_ROUTE_BUS_ADDR] = "bus-address",
		[DMA_BUF_PHYS_ROUTE_HOST_BRIDGE] = "host-bridge",
		[DMA_BUF_PHYS_ROUTE_NONE] = "none",
		[DMA_BUF_PHYS_ROUTE_ENCRYPTED] = "encrypted",
		[DMA_BUF_PHYS_ROUTE_MASK] = "mask",
		[DMA_BUF_PHYS_ROUTE_NOT_IN_PLACE] = "not-in-place",
	};

	return WORD(words, route);
}
