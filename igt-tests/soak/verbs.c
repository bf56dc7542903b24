// SPDX-License-Identifier: MIT
/*
 * Memory regions of dma-bufs, and RDMA to and from them
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/pci.h"
#include "devices/rdma.h"
#include "random.h"
#include "soak.h"

#define WORD sizeof(uint64_t)

enum { TAKE, OPEN, REGISTER, WRITE, READ, RESET, DEREGISTER, UNBIND, BIND };

static const struct soak_call calls[] = {
	[TAKE] = SOAK_TAKE,
	[OPEN] = SOAK_CALL("open"),
	[REGISTER] = SOAK_CALL("register", ENODEV),
	/* A completion with an error */
	[WRITE] = SOAK_CALL("write", EIO),
	[READ] = SOAK_CALL("read", EIO),
	[RESET] = SOAK_CALL("reset"),
	[DEREGISTER] = SOAK_CALL("deregister"),
	[UNBIND] = SOAK_CALL("unbind"),
	[BIND] = SOAK_CALL("bind"),
	{ 0 }
};

static struct verbs_device device;
static struct rdma rdma;
static struct verbs_mr local;
static uint64_t *memory;

static int open_device(void)
{
	int ret = __rdma_open(&rdma, device.name);

	if (!ret)
		ret = __rdma_reg_memory(&rdma, memory, SOAK_PAGE, &local);
	if (ret)
		rdma_close(&rdma);
	return ret;
}

static int copy(enum ibv_wr_opcode opcode, const struct verbs_mr *remote,
		uint32_t page)
{
	int ret = __rdma_copy(&rdma, opcode, &local, local.iova, remote,
			      page * SOAK_PAGE, WORD);

	return ret > 0 ? -EIO : ret;
}

/* An error leaves the queue pairs useless */
static void transfer(struct soak_worker *worker, const struct soak_buffer *buffer,
		     const struct verbs_mr *mr)
{
	uint32_t page = below(buffer->nr);
	int ret;

	if (below(2)) {
		*memory = buffer->word[page];
		ret = soak_ended(worker, WRITE, copy(IBV_WR_RDMA_WRITE, mr, page));
	} else {
		*memory = 0;
		ret = copy(IBV_WR_RDMA_READ, mr, page);
		if (!ret)
			soak_expect(worker, buffer, page, *memory);
		soak_ended(worker, READ, ret);
	}
	if (ret)
		soak_ended(worker, RESET, __rdma_reset(&rdma));
}

static void regions(struct soak_worker *worker)
{
	struct soak_buffer buffer;
	struct verbs_mr mr;
	uint32_t i, nr;
	int ret;

	if (soak_take(worker, TAKE, &buffer))
		return;
	ret = soak_try(worker, REGISTER,
		       __rdma_reg_dmabuf(&rdma, buffer.fd, 0, buffer.nr * SOAK_PAGE,
					 &mr));
	close(buffer.fd);
	if (ret)
		return;
	for (i = 0, nr = below(6); i < nr && !soak_stops(); i++)
		transfer(worker, &buffer, &mr);
	/* Some are still there when the device is closed */
	if (below(4))
		soak_ended(worker, DEREGISTER, __verbs_dereg_mr(&mr));
}

/* The driver goes while a program has its device open, and comes back */
static void rebind(struct soak_worker *worker)
{
	const char *addr = getenv("DMABUF_EDU");

	soak_ended(worker, UNBIND, __pci_unbind(addr));
	rdma_close(&rdma);
	soak_ended(worker, BIND, __rdma_bind(addr, &device));
}

static int work(struct soak_worker *worker)
{
	int ret = __rdma_wait_device(getenv("DMABUF_EDU"), &device);
	uint32_t i, rounds;

	if (ret)
		return ret;
	memory = mmap(NULL, SOAK_PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (!soak_stops()) {
		if (soak_ended(worker, OPEN, open_device()))
			continue;
		rounds = 1 + below(20);
		for (i = 0; i < rounds && !soak_stops(); i++)
			regions(worker);
		if (!below(4))
			rebind(worker);
		rdma_close(&rdma);
	}
	return 0;
}

const struct soak_kind soak_verbs = {
	.name = "verbs", .calls = calls, .work = work,
};
