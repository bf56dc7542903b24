/* SPDX-License-Identifier: MIT */
/*
 * What libibverbs has for its providers, at version 34 of its private ABI
 *
 * Debian installs no header for that, since providers are part of rdma-core. The version
 * is a promise of rdma-core's all the same: it changes with every layout below, and it is
 * in the name of the provider's file, in that of the function which registers it, and in
 * the version of all symbols (IBVERBS_PRIVATE_34). So a provider of another version does
 * not load. Debian 12 (rdma-core 44) and 13 (56) have this one; 57 has another.
 *
 * check-pabi keeps it right: meson.build has it say which version the libibverbs has that
 * is built against, and builds nothing for another; its "layout" is a test; and with a
 * source tree of rdma-core it compares the layouts. struct verbs_qp is no part of that:
 * it grows with the public ibv_qp_ex, so a provider is for the libibverbs whose headers
 * it was built with.
 *
 * Only what the provider uses has its types. Structures that libibverbs alone looks into
 * are not defined.
 */
#ifndef PABI34_H
#define PABI34_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <infiniband/verbs.h>
#include <rdma/ib_user_verbs.h>

struct verbs_sysfs_dev;
struct verbs_xrcd;
struct ibv_command_buffer;

/*
 * Which devices a provider takes
 */

enum verbs_match_kind {
	VERBS_MATCH_SENTINEL,
	VERBS_MATCH_PCI,
	VERBS_MATCH_MODALIAS,
	VERBS_MATCH_DRIVER_ID,
};

struct verbs_match_ent {
	void *driver_data;
	union {
		const char *modalias;
		uint64_t driver_id;
	} u;
	uint16_t vendor;
	uint16_t device;
	uint8_t kind;
};

struct verbs_device;

struct verbs_device_ops {
	const char *name;
	uint32_t match_min_abi_version;
	uint32_t match_max_abi_version;
	const struct verbs_match_ent *match_table;
	const struct verbs_device_ops **static_providers;
	bool (*match_device)(struct verbs_sysfs_dev *sysfs);
	struct verbs_context *(*alloc_context)(struct ibv_device *device,
					       int cmd_fd, void *private_data);
	struct verbs_context *(*import_context)(struct ibv_device *device,
						int cmd_fd);
	struct verbs_device *(*alloc_device)(struct verbs_sysfs_dev *sysfs);
	void (*uninit_device)(struct verbs_device *device);
};

/*
 * Objects, as libibverbs extends them
 */

struct verbs_list {
	struct verbs_list *next;
	struct verbs_list *prev;
};

struct verbs_device {
	struct ibv_device device;
	const struct verbs_device_ops *ops;
	int refcount;
	struct verbs_list entry;
	struct verbs_sysfs_dev *sysfs;
	uint64_t core_support;
};

struct verbs_mr {
	struct ibv_mr ibv_mr;
	int mr_type;
	int access;
};

struct verbs_cq {
	union {
		struct ibv_cq cq;
		struct ibv_cq_ex cq_ex;
	};
};

#define VERBS_QP_EX (1u << 1)

struct verbs_qp {
	union {
		struct ibv_qp qp;
		struct ibv_qp_ex qp_ex;
	};
	uint32_t comp_mask;
	struct verbs_xrcd *xrcd;
};

/*
 * Verbs of a context, in the order of their names
 */

typedef void verbs_unused(void);

struct verbs_context_ops {
	verbs_unused *advise_mr;
	verbs_unused *alloc_dm;
	verbs_unused *alloc_mw;
	verbs_unused *alloc_null_mr;
	verbs_unused *alloc_parent_domain;
	struct ibv_pd *(*alloc_pd)(struct ibv_context *context);
	verbs_unused *alloc_td;
	verbs_unused *async_event;
	verbs_unused *attach_counters_point_flow;
	verbs_unused *attach_mcast;
	verbs_unused *bind_mw;
	verbs_unused *close_xrcd;
	verbs_unused *cq_event;
	verbs_unused *create_ah;
	verbs_unused *create_counters;
	struct ibv_cq *(*create_cq)(struct ibv_context *context, int cqe,
				    struct ibv_comp_channel *channel,
				    int comp_vector);
	struct ibv_cq_ex *(*create_cq_ex)(struct ibv_context *context,
					  struct ibv_cq_init_attr_ex *attr);
	verbs_unused *create_flow;
	verbs_unused *create_flow_action_esp;
	struct ibv_qp *(*create_qp)(struct ibv_pd *pd,
				    struct ibv_qp_init_attr *attr);
	struct ibv_qp *(*create_qp_ex)(struct ibv_context *context,
				       struct ibv_qp_init_attr_ex *attr);
	verbs_unused *create_rwq_ind_table;
	verbs_unused *create_srq;
	verbs_unused *create_srq_ex;
	verbs_unused *create_wq;
	verbs_unused *dealloc_mw;
	int (*dealloc_pd)(struct ibv_pd *pd);
	verbs_unused *dealloc_td;
	int (*dereg_mr)(struct verbs_mr *vmr);
	verbs_unused *destroy_ah;
	verbs_unused *destroy_counters;
	int (*destroy_cq)(struct ibv_cq *cq);
	verbs_unused *destroy_flow;
	verbs_unused *destroy_flow_action;
	int (*destroy_qp)(struct ibv_qp *qp);
	verbs_unused *destroy_rwq_ind_table;
	verbs_unused *destroy_srq;
	verbs_unused *destroy_wq;
	verbs_unused *detach_mcast;
	void (*free_context)(struct ibv_context *context);
	verbs_unused *free_dm;
	verbs_unused *get_srq_num;
	verbs_unused *import_dm;
	verbs_unused *import_mr;
	verbs_unused *import_pd;
	int (*modify_cq)(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr);
	verbs_unused *modify_flow_action_esp;
	int (*modify_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
	verbs_unused *modify_qp_rate_limit;
	verbs_unused *modify_srq;
	verbs_unused *modify_wq;
	verbs_unused *open_qp;
	verbs_unused *open_xrcd;
	int (*poll_cq)(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc);
	int (*post_recv)(struct ibv_qp *qp, struct ibv_recv_wr *wr,
			 struct ibv_recv_wr **bad_wr);
	int (*post_send)(struct ibv_qp *qp, struct ibv_send_wr *wr,
			 struct ibv_send_wr **bad_wr);
	verbs_unused *post_srq_ops;
	verbs_unused *post_srq_recv;
	int (*query_device_ex)(struct ibv_context *context,
			       const struct ibv_query_device_ex_input *input,
			       struct ibv_device_attr_ex *attr, size_t size);
	verbs_unused *query_ece;
	int (*query_port)(struct ibv_context *context, uint8_t port,
			  struct ibv_port_attr *attr);
	int (*query_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
			struct ibv_qp_init_attr *init);
	verbs_unused *query_qp_data_in_order;
	verbs_unused *query_rt_values;
	verbs_unused *query_srq;
	verbs_unused *read_counters;
	verbs_unused *reg_dm_mr;
	struct ibv_mr *(*reg_dmabuf_mr)(struct ibv_pd *pd, uint64_t offset,
					size_t length, uint64_t iova, int fd,
					int access);
	struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *addr, size_t length,
				 uint64_t iova, int access);
	int (*req_notify_cq)(struct ibv_cq *cq, int solicited_only);
	int (*rereg_mr)(struct verbs_mr *vmr, int flags, struct ibv_pd *pd,
			void *addr, size_t length, int access);
	verbs_unused *resize_cq;
	verbs_unused *set_ece;
	verbs_unused *unimport_dm;
	verbs_unused *unimport_mr;
	verbs_unused *unimport_pd;
};

/*
 * Commands: the kernel's header and its structure. The driver's own data would follow.
 */

#define VERBS_COMMAND(_name)                                              \
	struct ibv_##_name {                                              \
		struct ib_uverbs_cmd_hdr hdr;                             \
		struct ib_uverbs_##_name core;                            \
	}

#define VERBS_COMMAND_EX(_name)                                           \
	struct ibv_##_name##_ex {                                         \
		struct ib_uverbs_cmd_hdr hdr;                             \
		struct ib_uverbs_ex_cmd_hdr ex_hdr;                       \
		struct ib_uverbs_ex_##_name core;                         \
	}

VERBS_COMMAND(alloc_pd);
VERBS_COMMAND(create_cq);
VERBS_COMMAND_EX(create_cq);
VERBS_COMMAND(create_qp);
VERBS_COMMAND_EX(create_qp);
VERBS_COMMAND(get_context);
VERBS_COMMAND(modify_qp);
VERBS_COMMAND(query_port);
VERBS_COMMAND(query_qp);
VERBS_COMMAND(reg_mr);
VERBS_COMMAND(rereg_mr);

struct ibv_modify_cq {
	struct ib_uverbs_cmd_hdr hdr;
	struct ib_uverbs_ex_cmd_hdr ex_hdr;
	struct ib_uverbs_ex_modify_cq core;
};

/*
 * Functions. Those that return int return 0 or an errno; ibv_cmd_poll_cq() returns -1.
 */

void verbs_register_driver_34(const struct verbs_device_ops *ops);

/* @offset: of the struct verbs_context in what it allocates, as a pointer */
void *_verbs_init_and_alloc_context(struct ibv_device *device, int cmd_fd,
				    size_t size, struct verbs_context *offset,
				    uint32_t driver_id);
void verbs_uninit_context(struct verbs_context *context);
void verbs_set_ops(struct verbs_context *context,
		   const struct verbs_context_ops *ops);

int ibv_cmd_get_context(struct verbs_context *context,
			struct ibv_get_context *cmd, size_t cmd_size,
			struct ib_uverbs_get_context_resp *resp,
			size_t resp_size);
int ibv_cmd_query_device_any(struct ibv_context *context,
			     const struct ibv_query_device_ex_input *input,
			     struct ibv_device_attr_ex *attr, size_t attr_size,
			     struct ib_uverbs_ex_query_device_resp *resp,
			     size_t *resp_size);
int ibv_cmd_query_port(struct ibv_context *context, uint8_t port,
		       struct ibv_port_attr *attr, struct ibv_query_port *cmd,
		       size_t cmd_size);
int ibv_cmd_alloc_pd(struct ibv_context *context, struct ibv_pd *pd,
		     struct ibv_alloc_pd *cmd, size_t cmd_size,
		     struct ib_uverbs_alloc_pd_resp *resp, size_t resp_size);
int ibv_cmd_dealloc_pd(struct ibv_pd *pd);

int ibv_cmd_reg_mr(struct ibv_pd *pd, void *addr, size_t length, uint64_t iova,
		   int access, struct verbs_mr *vmr, struct ibv_reg_mr *cmd,
		   size_t cmd_size, struct ib_uverbs_reg_mr_resp *resp,
		   size_t resp_size);
/*
 * @driver came with rdma-core 54 and did not change the private version. Before, the
 * function does not look at it: on x86-64 it is on the stack, which the caller clears.
 */
int ibv_cmd_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset, size_t length,
			  uint64_t iova, int fd, int access,
			  struct verbs_mr *vmr,
			  struct ibv_command_buffer *driver);
int ibv_cmd_rereg_mr(struct verbs_mr *vmr, uint32_t flags, void *addr,
		     size_t length, uint64_t iova, int access,
		     struct ibv_pd *pd, struct ibv_rereg_mr *cmd,
		     size_t cmd_size, struct ib_uverbs_rereg_mr_resp *resp,
		     size_t resp_size);
int ibv_cmd_dereg_mr(struct verbs_mr *vmr);

int ibv_cmd_create_cq(struct ibv_context *context, int cqe,
		      struct ibv_comp_channel *channel, int comp_vector,
		      struct ibv_cq *cq, struct ibv_create_cq *cmd,
		      size_t cmd_size, struct ib_uverbs_create_cq_resp *resp,
		      size_t resp_size);
int ibv_cmd_create_cq_ex(struct ibv_context *context,
			 const struct ibv_cq_init_attr_ex *attr,
			 struct verbs_cq *cq, struct ibv_create_cq_ex *cmd,
			 size_t cmd_size,
			 struct ib_uverbs_ex_create_cq_resp *resp,
			 size_t resp_size, uint32_t flags);
int ibv_cmd_modify_cq(struct ibv_cq *cq, struct ibv_modify_cq_attr *attr,
		      struct ibv_modify_cq *cmd, size_t cmd_size);
int ibv_cmd_poll_cq(struct ibv_cq *cq, int num_entries, struct ibv_wc *wc);
int ibv_cmd_req_notify_cq(struct ibv_cq *cq, int solicited_only);
int ibv_cmd_destroy_cq(struct ibv_cq *cq);

int ibv_cmd_create_qp(struct ibv_pd *pd, struct ibv_qp *qp,
		      struct ibv_qp_init_attr *attr, struct ibv_create_qp *cmd,
		      size_t cmd_size, struct ib_uverbs_create_qp_resp *resp,
		      size_t resp_size);
int ibv_cmd_create_qp_ex2(struct ibv_context *context, struct verbs_qp *qp,
			  struct ibv_qp_init_attr_ex *attr,
			  struct ibv_create_qp_ex *cmd, size_t cmd_size,
			  struct ib_uverbs_ex_create_qp_resp *resp,
			  size_t resp_size);
int ibv_cmd_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		      struct ibv_modify_qp *cmd, size_t cmd_size);
int ibv_cmd_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		     struct ibv_qp_init_attr *init, struct ibv_query_qp *cmd,
		     size_t cmd_size);
int ibv_cmd_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		      struct ibv_send_wr **bad_wr);
int ibv_cmd_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
		      struct ibv_recv_wr **bad_wr);
int ibv_cmd_destroy_qp(struct ibv_qp *qp);

#endif /* PABI34_H */
