// SPDX-License-Identifier: MIT
/*
 * Posting lists and polling many completions, in pieces
 *
 * What libibverbs' functions for this hand to the kernel has to be shorter than 64 KiB:
 * they fail with more, which is less than a queue of this device holds. And they put all
 * of it on the stack, which threads may have little of.
 */
#include "edu.h"

/* Work requests of a piece, and what each may have of memory: 40 KiB */
#define PIECE 32
#define PIECE_SGE 64

/* 12 KiB */
#define PIECE_WC 256

static bool fits(int num_sge)
{
	/* The kernel allows fewer, and says so itself */
	return num_sge >= 0 && num_sge <= PIECE_SGE;
}

int edu_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad_wr)
{
	struct ibv_send_wr piece[PIECE], *bad = piece;
	int ret = 0;

	while (wr && !ret) {
		struct ibv_send_wr *first = wr;
		unsigned int nr = 0;

		for (; wr && nr < PIECE && fits(wr->num_sge); wr = wr->next) {
			piece[nr] = *wr;
			piece[nr].next = &piece[nr + 1];
			nr++;
		}
		if (!nr) {
			*bad_wr = wr;
			return EINVAL;
		}
		piece[nr - 1].next = NULL;
		ret = ibv_cmd_post_send(qp, piece, &bad);
		if (ret)
			for (*bad_wr = first; bad > piece; bad--)
				*bad_wr = (*bad_wr)->next;
	}
	return ret;
}

int edu_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr)
{
	struct ibv_recv_wr piece[PIECE], *bad = piece;
	int ret = 0;

	while (wr && !ret) {
		struct ibv_recv_wr *first = wr;
		unsigned int nr = 0;

		for (; wr && nr < PIECE && fits(wr->num_sge); wr = wr->next) {
			piece[nr] = *wr;
			piece[nr].next = &piece[nr + 1];
			nr++;
		}
		if (!nr) {
			*bad_wr = wr;
			return EINVAL;
		}
		piece[nr - 1].next = NULL;
		ret = ibv_cmd_post_recv(qp, piece, &bad);
		if (ret)
			for (*bad_wr = first; bad > piece; bad--)
				*bad_wr = (*bad_wr)->next;
	}
	return ret;
}

int edu_poll_cq(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc)
{
	int polled = 0, nr, ret;

	do {
		nr = num_entries - polled;
		if (nr > PIECE_WC)
			nr = PIECE_WC;
		ret = ibv_cmd_poll_cq(cq, nr, wc + polled);
		/* What has been polled is not in the queue anymore */
		if (ret < 0)
			return polled ? polled : ret;
		polled += ret;
	} while (ret == nr && polled < num_entries);
	return polled;
}
