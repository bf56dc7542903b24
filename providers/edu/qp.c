// SPDX-License-Identifier: MIT
/*
 * Queue pairs
 */
#include <stdlib.h>

#include "edu.h"

static struct edu_qp *to_edu_qp(struct ibv_qp *qp)
{
	return container_of(qp, struct edu_qp, vqp.qp);
}

struct ibv_qp *edu_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ib_uverbs_create_qp_resp resp;
	struct ibv_create_qp cmd;
	struct edu_qp *qp;
	int ret;

	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return edu_null(ENOMEM);
	ret = ibv_cmd_create_qp(pd, &qp->vqp.qp, attr, &cmd, sizeof(cmd), &resp,
				sizeof(resp));
	if (!ret)
		return &qp->vqp.qp;
	free(qp);
	return edu_null(ret);
}

struct ibv_qp *edu_create_qp_ex(struct ibv_context *context,
				struct ibv_qp_init_attr_ex *attr)
{
	struct ib_uverbs_ex_create_qp_resp resp;
	struct ibv_create_qp_ex cmd;
	struct edu_qp *qp;
	int ret;

	qp = calloc(1, sizeof(*qp));
	if (!qp)
		return edu_null(ENOMEM);
	ret = ibv_cmd_create_qp_ex2(context, &qp->vqp, attr, &cmd, sizeof(cmd),
				    &resp, sizeof(resp));
	if (ret)
		goto err_free;
	if (!(attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS))
		return &qp->vqp.qp;
	ret = edu_wr_init(qp, &attr->cap, attr->send_ops_flags);
	if (ret)
		goto err_destroy;
	qp->vqp.comp_mask |= VERBS_QP_EX;
	return &qp->vqp.qp;

err_destroy:
	ibv_cmd_destroy_qp(&qp->vqp.qp);
err_free:
	free(qp);
	return edu_null(ret);
}

int edu_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct ibv_modify_qp cmd = { 0 };

	return ibv_cmd_modify_qp(qp, attr, mask, &cmd, sizeof(cmd));
}

int edu_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		 struct ibv_qp_init_attr *init)
{
	struct ibv_query_qp cmd;

	return ibv_cmd_query_qp(qp, attr, mask, init, &cmd, sizeof(cmd));
}

int edu_destroy_qp(struct ibv_qp *qp)
{
	int ret = ibv_cmd_destroy_qp(qp);

	if (ret)
		return ret;
	edu_wr_exit(to_edu_qp(qp));
	free(to_edu_qp(qp));
	return 0;
}
