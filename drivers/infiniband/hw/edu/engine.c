// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA engine: one transfer at a time between memory and the device's buffer.
 *
 * edu_engine_start() looks up the address and starts the engine in one critical
 * section, in which edu_dev.engine_mr says which memory region the engine
 * touches. So whoever makes a region invalid under the same lock, and then
 * waits in edu_engine_quiesce(), knows that the engine does not touch it and
 * will not: this is the whole protocol between the worker and a move.
 *
 * The engine always stops: it is done, or it was given up and may not master
 * the bus any more. None of that needs a lock that a waiter could hold.
 *
 * An interrupt says that something happened, the command register what. So a
 * late interrupt of the last transfer does no harm, and a lost one, which the
 * device still tells of, costs a fraction of a second. An engine that neither
 * runs nor says that it has run did not get the command: what it was to move is
 * not there. All ones is what a device that was pulled out reads as.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/pci.h>

#include "edu_ib.h"

#define EDU_ID		0x00
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SRC	0x80
#define EDU_DMA_DST	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_CMD	0x98

#define EDU_DMA_RUN	BIT_ULL(0)
#define EDU_DMA_TO_MEM	BIT_ULL(1)
#define EDU_DMA_IRQ	BIT_ULL(2)

#define EDU_IRQ_DMA	BIT(8)

#define EDU_ID_MASK	0xff
#define EDU_ID_MAGIC	0xed

/* Where the device's buffer is in the engine's eyes */
#define EDU_BUF		0x40000ULL

/* A transfer takes 100 ms of the device's time */
#define EDU_CHECK	(HZ / 4)
#define EDU_TIMEOUT	(10 * HZ)

/**
 * edu_engine_init - check that the device is one and that it is idle
 * @edu: the device, not a bus master yet
 *
 * Whoever had the device before may have left a transfer behind, which must
 * not be let loose.
 *
 * Return: 0 or a negative errno.
 */
int edu_engine_init(struct edu_dev *edu)
{
	u64 cmd;

	init_completion(&edu->done);
	if ((readl(edu->regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_MAGIC)
		return -ENODEV;
	if (read_poll_timeout(readq, cmd, !(cmd & EDU_DMA_RUN), 10000,
			      USEC_PER_SEC, false, edu->regs + EDU_DMA_CMD))
		return -EBUSY;
	writel(readl(edu->regs + EDU_IRQ_STATUS), edu->regs + EDU_IRQ_ACK);
	return 0;
}

/* Take what the device tells, by interrupt or when it is asked */
static bool edu_engine_take(struct edu_dev *edu)
{
	u32 status = readl(edu->regs + EDU_IRQ_STATUS);

	if (!status || !~status)
		return false;
	writel(status, edu->regs + EDU_IRQ_ACK);
	if (status & EDU_IRQ_DMA)
		complete(&edu->done);
	return true;
}

irqreturn_t edu_engine_irq(int irq, void *data)
{
	return IRQ_RETVAL(edu_engine_take(data));
}

/**
 * edu_engine_start - start a transfer
 * @mr: the memory region; the caller holds a reference
 * @addr: where in @mr
 * @buf: where in the device's buffer
 * @length: number of bytes, at most to the ends of @mr and of the buffer
 * @to_mem: from the device's buffer to @mr rather than from @mr
 *
 * Context: only the worker; nothing is running. Call edu_engine_wait() if a
 * transfer was started.
 *
 * Return: how many bytes are being transferred, which may be less than @length;
 * -EAGAIN if @mr is not mapped; -EIO if the device is dead.
 */
int edu_engine_start(struct edu_mr *mr, u64 addr, u32 buf, u32 length,
		     bool to_mem)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);
	u64 block, offset, src, dst;
	dma_addr_t dma;

	guard(spinlock_irqsave)(&edu->lock);
	if (edu->dead)
		return -EIO;
	if (!mr->mapped)
		return -EAGAIN;

	block = BIT_ULL(mr->shift);
	offset = addr - ALIGN_DOWN(mr->ibmr.iova, block);
	dma = mr->table[offset >> mr->shift] + (offset & (block - 1));
	length = min_t(u64, length, block - (offset & (block - 1)));
	src = to_mem ? EDU_BUF + buf : dma;
	dst = to_mem ? dma : EDU_BUF + buf;

	edu->engine_mr = mr;
	edu->engine_writes = to_mem;
	reinit_completion(&edu->done);
	writeq(src, edu->regs + EDU_DMA_SRC);
	writeq(dst, edu->regs + EDU_DMA_DST);
	writeq(length, edu->regs + EDU_DMA_COUNT);
	writeq(EDU_DMA_RUN | EDU_DMA_IRQ | (to_mem ? EDU_DMA_TO_MEM : 0),
	       edu->regs + EDU_DMA_CMD);
	return length;
}

static bool edu_engine_stopped(struct edu_dev *edu)
{
	unsigned long deadline = jiffies + EDU_TIMEOUT;
	bool told;
	u64 cmd;

	do {
		told = wait_for_completion_timeout(&edu->done, EDU_CHECK);
		cmd = readq(edu->regs + EDU_DMA_CMD);
		if (!~cmd)
			return false;
		if (told && !(cmd & EDU_DMA_RUN))
			return true;
		if (!told)
			edu_engine_take(edu);
	} while (time_before(jiffies, deadline));
	return false;
}

/**
 * edu_engine_wait - wait for the transfer that was started
 * @edu: the device
 *
 * Return: 0, or -EIO if the device is gone or hangs. It is dead then and does
 * not touch memory any more.
 */
int edu_engine_wait(struct edu_dev *edu)
{
	bool stopped = edu_engine_stopped(edu);

	if (!stopped) {
		pci_clear_master(edu->pdev);
		ibdev_err(&edu->ibdev,
			  "DMA engine is gone or hangs, device disabled: unbind the driver and reset the device\n");
	}
	scoped_guard(spinlock_irqsave, &edu->lock) {
		if (!stopped)
			edu->dead = true;
		edu->engine_mr = NULL;
	}
	wake_up_all(&edu->idle);
	return stopped ? 0 : -EIO;
}

static bool edu_engine_uses(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	guard(spinlock_irqsave)(&edu->lock);
	return edu->engine_mr == mr;
}

/**
 * edu_engine_quiesce - wait until the engine does not touch a region any more
 * @mr: the memory region, not mapped any more
 *
 * Context: may be called with the reservation lock held. Sleeps for the rest of
 * one transfer at most.
 */
void edu_engine_quiesce(struct edu_mr *mr)
{
	struct edu_dev *edu = to_edu_dev(mr->ibmr.device);

	might_sleep();
	wait_event(edu->idle, !edu_engine_uses(mr));
}
