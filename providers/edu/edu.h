/* SPDX-License-Identifier: MIT */
#ifndef EDU_H
#define EDU_H

#include <errno.h>
#include <pthread.h>

#include "pabi34.h"

#define container_of(_ptr, _type, _member)                                \
	((_type *)((char *)(_ptr) - offsetof(_type, _member)))

/**
 * struct edu_cq - a completion queue
 * @vcq: what libibverbs knows
 * @lock: held from ibv_start_poll() to ibv_end_poll(), of extended ones
 * @wc: the completion that ibv_start_poll() and ibv_next_poll() came to
 */
struct edu_cq {
	struct verbs_cq vcq;
	pthread_mutex_t lock;
	struct ibv_wc wc;
};

/**
 * struct edu_qp - a queue pair
 * @vqp: what libibverbs knows
 * @lock: held from ibv_wr_start() to ibv_wr_complete() or ibv_wr_abort()
 * @wr: work requests that are being built, NULL unless there can be any
 * @sge: their memory, @max_sge each
 * @nr: how many there are
 * @max: how many fit
 * @max_sge: how many entries of @sge each has
 * @error: why they cannot be posted, an errno
 */
struct edu_qp {
	struct verbs_qp vqp;
	pthread_mutex_t lock;
	struct ibv_send_wr *wr;
	struct ibv_sge *sge;
	uint32_t nr;
	uint32_t max;
	uint32_t max_sge;
	int error;
};

/*
 * In send_flags, edu_ib's own: of the requests of one call all are posted or none. A bit
 * that the kernel's verbs leave to drivers.
 */
#define EDU_SEND_TOGETHER (1u << 26)

/* For functions that return a pointer */
static inline void *edu_null(int error)
{
	errno = error;
	return NULL;
}

/* cq.c */
struct ibv_cq *edu_create_cq(struct ibv_context *context, int cqe,
			     struct ibv_comp_channel *channel, int comp_vector);
struct ibv_cq_ex *edu_create_cq_ex(struct ibv_context *context,
				   struct ibv_cq_init_attr_ex *attr);
int edu_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
int edu_destroy_cq(struct ibv_cq *cq);

/* mr.c */
struct ibv_mr *edu_reg_mr(struct ibv_pd *pd, void *addr, size_t length,
			  uint64_t iova, int access);
struct ibv_mr *edu_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset,
				 size_t length, uint64_t iova, int fd,
				 int access);
int edu_rereg_mr(struct verbs_mr *vmr, int flags, struct ibv_pd *pd,
		 void *addr, size_t length, int access);
int edu_dereg_mr(struct verbs_mr *vmr);

/* post.c */
int edu_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		  struct ibv_send_wr **bad_wr);
int edu_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
		  struct ibv_recv_wr **bad_wr);
int edu_poll_cq(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc);

/* qp.c */
struct ibv_qp *edu_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
struct ibv_qp *edu_create_qp_ex(struct ibv_context *context,
				struct ibv_qp_init_attr_ex *attr);
int edu_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
int edu_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init);
int edu_destroy_qp(struct ibv_qp *qp);

/* wr.c */
int edu_wr_init(struct edu_qp *qp, const struct ibv_qp_cap *cap,
		uint64_t send_ops);
void edu_wr_exit(struct edu_qp *qp);

#endif /* EDU_H */
