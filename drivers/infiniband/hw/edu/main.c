// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI driver, and registration of the RDMA device.
 *
 * The port is an InfiniBand port that is a subnet of its own: LID 1, one GID,
 * one partition, no management and no connection manager. That is the minimum
 * that the core needs to let programs connect RC queue pairs; a RoCE port would
 * need a network device. Without get_dma_mr there are no kernel consumers.
 *
 * Removal stops the worker first, so that the engine does not access memory
 * anymore, and flushes the queues. Then the core destroys what programs have
 * left behind, through the operations below, before the interrupt and the
 * registers are released.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "edu_ib.h"

#define EDU_PKEY	0xffff
#define EDU_ABI_VERSION	1

static int edu_query_device(struct ib_device *ibdev,
			    struct ib_device_attr *attr, struct ib_udata *udata)
{
	struct edu_dev *edu = to_edu_dev(ibdev);
	int ret = ib_no_udata_io(udata);

	if (ret)
		return ret;
	*attr = (struct ib_device_attr){
		.fw_ver = (u64)(edu->version >> 8) << 32 | (u8)edu->version,
		.sys_image_guid = ibdev->node_guid,
		.max_mr_size = EDU_MAX_LENGTH,
		.page_size_cap = EDU_PAGE_SIZES,
		.vendor_id = edu->pdev->vendor,
		.vendor_part_id = edu->pdev->device,
		.hw_ver = edu->pdev->revision,
		.device_cap_flags = IB_DEVICE_RC_RNR_NAK_GEN,
		.max_qp = EDU_MAX_QP,
		.max_qp_wr = EDU_MAX_WR,
		.max_send_sge = EDU_MAX_SGE,
		.max_recv_sge = EDU_MAX_SGE,
		.max_sge_rd = EDU_MAX_SGE,
		.max_cq = EDU_MAX_CQ,
		.max_cqe = EDU_MAX_CQE,
		.max_mr = EDU_MAX_MR,
		.max_pd = EDU_MAX_PD,
		.max_qp_rd_atom = EDU_MAX_RD,
		.max_res_rd_atom = EDU_MAX_RD * EDU_MAX_QP,
		.max_qp_init_rd_atom = EDU_MAX_RD,
		.atomic_cap = IB_ATOMIC_NONE,
		.max_pkeys = 1,
		.cq_caps.max_cq_moderation_count = U16_MAX,
		.cq_caps.max_cq_moderation_period = U16_MAX,
	};
	return 0;
}

static void edu_get_dev_fw_str(struct ib_device *ibdev, char *str)
{
	u16 version = to_edu_dev(ibdev)->version;

	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u", version >> 8,
		 (u8)version);
}

static int edu_query_port(struct ib_device *ibdev, u32 port,
			  struct ib_port_attr *attr)
{
	bool dead = READ_ONCE(to_edu_dev(ibdev)->dead);

	attr->state = dead ? IB_PORT_DOWN : IB_PORT_ACTIVE;
	attr->phys_state = dead ? IB_PORT_PHYS_STATE_DISABLED :
				  IB_PORT_PHYS_STATE_LINK_UP;
	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = IB_MTU_2048;
	attr->gid_tbl_len = 1;
	attr->pkey_tbl_len = 1;
	attr->max_msg_sz = EDU_MAX_MSG;
	attr->lid = EDU_LID;
	attr->sm_lid = EDU_LID;
	attr->max_vl_num = 1;
	/* The lowest rate there is */
	attr->active_width = IB_WIDTH_1X;
	attr->active_speed = IB_SPEED_SDR;
	return 0;
}

static int edu_get_port_immutable(struct ib_device *ibdev, u32 port,
				  struct ib_port_immutable *immutable)
{
	immutable->core_cap_flags = RDMA_CORE_CAP_PROT_IB;
	immutable->gid_tbl_len = 1;
	immutable->pkey_tbl_len = 1;
	return 0;
}

static int edu_query_gid(struct ib_device *ibdev, u32 port, int index,
			 union ib_gid *gid)
{
	if (index)
		return -EINVAL;
	gid->global.subnet_prefix = cpu_to_be64(0xfe80000000000000ULL);
	gid->global.interface_id = ibdev->node_guid;
	return 0;
}

static int edu_query_pkey(struct ib_device *ibdev, u32 port, u16 index,
			  u16 *pkey)
{
	if (index)
		return -EINVAL;
	*pkey = EDU_PKEY;
	return 0;
}

/* There are no mappings to zap */
static void edu_disassociate_ucontext(struct ib_ucontext *ibuctx)
{
}

static int edu_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct edu_dev *edu = to_edu_dev(ibpd->device);
	int ret = ib_no_udata_io(udata);

	if (ret)
		return ret;
	return atomic_add_unless(&edu->num_pds, 1, EDU_MAX_PD) ? 0 : -ENOSPC;
}

static int edu_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	atomic_dec(&to_edu_dev(ibpd->device)->num_pds);
	return 0;
}

static const struct ib_device_ops edu_ops = {
	.owner = THIS_MODULE,
	/* No ID has been assigned upstream */
	.driver_id = RDMA_DRIVER_UNKNOWN,
	.uverbs_abi_ver = EDU_ABI_VERSION,

	.query_device = edu_query_device,
	.query_port = edu_query_port,
	.get_port_immutable = edu_get_port_immutable,
	.query_gid = edu_query_gid,
	.query_pkey = edu_query_pkey,
	.get_dev_fw_str = edu_get_dev_fw_str,
	.alloc_hw_port_stats = edu_alloc_hw_port_stats,
	.get_hw_stats = edu_get_hw_stats,
	.alloc_ucontext = edu_alloc_ucontext,
	.dealloc_ucontext = edu_dealloc_ucontext,
	.disassociate_ucontext = edu_disassociate_ucontext,
	.pgoff_to_mmap_entry = edu_pgoff_to_mmap_entry,
	.mmap_get_pfns = edu_mmap_get_pfns,
	.alloc_pd = edu_alloc_pd,
	.dealloc_pd = edu_dealloc_pd,
	.reg_user_mr = edu_reg_user_mr,
	.reg_user_mr_dmabuf = edu_reg_user_mr_dmabuf,
	.rereg_user_mr = edu_rereg_user_mr,
	.dereg_mr = edu_dereg_mr,
	.create_cq = edu_create_cq,
	.destroy_cq = edu_destroy_cq,
	.poll_cq = edu_poll_cq,
	.req_notify_cq = edu_req_notify_cq,
	.modify_cq = edu_modify_cq,
	.create_qp = edu_create_qp,
	.modify_qp = edu_modify_qp,
	.query_qp = edu_query_qp,
	.destroy_qp = edu_destroy_qp,
	.post_send = edu_post_send,
	.post_recv = edu_post_recv,

	INIT_RDMA_OBJ_SIZE(ib_ucontext, edu_ucontext, ibuctx),
	INIT_RDMA_OBJ_SIZE(ib_pd, edu_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_cq, edu_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_qp, edu_qp, ibqp),
};

static int edu_setup_pci(struct edu_dev *edu, struct pci_dev *pdev)
{
	int ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	edu->regs = pcim_iomap_region(pdev, EDU_BAR, KBUILD_MODNAME);
	if (IS_ERR(edu->regs))
		return PTR_ERR(edu->regs);
	/* Has to match -device edu,dma_mask=... of QEMU */
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;
	/* Segments can have any size: transfers are split into chunks */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	ret = edu_engine_init(edu);
	if (ret)
		return ret;
	ret = edu_export_init(edu);
	if (ret)
		return ret;
	/* Freed automatically after pcim_enable_device() */
	ret = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI | PCI_IRQ_INTX);
	return ret < 0 ? ret : 0;
}

static void edu_setup_ibdev(struct edu_dev *edu)
{
	struct ib_device *ibdev = &edu->ibdev;
	struct pci_dev *pdev = edu->pdev;

	ibdev->node_type = RDMA_NODE_IB_CA;
	/* Locally administered, and unique on this machine */
	ibdev->node_guid = cpu_to_be64(BIT_ULL(57) |
				       (u64)pci_domain_nr(pdev->bus) << 16 |
				       pci_dev_id(pdev));
	strscpy(ibdev->node_desc, "QEMU edu", sizeof(ibdev->node_desc));
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = 1;
	ibdev->dev.parent = &pdev->dev;
	/* The queues are in kernel memory, and these verbs are system calls */
	ibdev->uverbs_cmd_mask |= BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
				  BIT_ULL(IB_USER_VERBS_CMD_POST_RECV) |
				  BIT_ULL(IB_USER_VERBS_CMD_POLL_CQ) |
				  BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ);
	ib_set_device_ops(ibdev, &edu_ops);
}

/* Waits for the current chunk. The worker does not start another. */
static void edu_stop(struct edu_dev *edu)
{
	scoped_guard(spinlock_irqsave, &edu->lock)
		WRITE_ONCE(edu->dead, true);
	disable_delayed_work_sync(&edu->work);
	scoped_guard(spinlock_irqsave, &edu->lock)
		edu_qp_error_all(edu);
	pci_clear_master(edu->pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_dev *edu;
	int irq, ret;

	edu = ib_alloc_device(edu_dev, ibdev);
	if (!edu)
		return -ENOMEM;
	edu->pdev = pdev;
	xa_init_flags(&edu->mrs, XA_FLAGS_ALLOC1);
	spin_lock_init(&edu->lock);
	init_waitqueue_head(&edu->idle);
	INIT_LIST_HEAD(&edu->qps);
	INIT_DELAYED_WORK(&edu->work, edu_work);
	edu_setup_ibdev(edu);

	ret = edu_setup_pci(edu, pdev);
	if (ret)
		goto err_dealloc;
	/* Not while devices are suspended: transfers would end with nothing moved */
	edu->wq = alloc_ordered_workqueue("edu_ib-%s", WQ_FREEZABLE,
					  pci_name(pdev));
	if (!edu->wq) {
		ret = -ENOMEM;
		goto err_dealloc;
	}
	irq = pci_irq_vector(pdev, 0);
	ret = request_irq(irq, edu_engine_irq, IRQF_SHARED, KBUILD_MODNAME, edu);
	if (ret)
		goto err_wq;

	pci_set_drvdata(pdev, edu);
	pci_set_master(pdev);
	ret = ib_register_device(&edu->ibdev, "edu_%d", &pdev->dev);
	if (ret)
		goto err_irq;
	edu_debugfs_add(edu);
	return 0;

err_irq:
	edu_stop(edu);
	free_irq(irq, edu);
err_wq:
	destroy_workqueue(edu->wq);
err_dealloc:
	ib_dealloc_device(&edu->ibdev);
	return ret;
}

static void edu_remove(struct pci_dev *pdev)
{
	struct edu_dev *edu = pci_get_drvdata(pdev);

	edu_debugfs_remove(edu);
	edu_stop(edu);
	ib_unregister_device(&edu->ibdev);
	free_irq(pci_irq_vector(pdev, 0), edu);
	destroy_workqueue(edu->wq);
	xa_destroy(&edu->mrs);
	ib_dealloc_device(&edu->ibdev);
}

/*
 * No device IDs: it has to be bound by driver_override. If QEMU was started
 * without a dma_mask the device truncates addresses, and would access arbitrary
 * memory.
 */
static struct pci_driver edu_driver = {
	.name = KBUILD_MODNAME,
	.probe = edu_probe,
	.remove = edu_remove,
};

static int __init edu_init(void)
{
	int ret;

	edu_debugfs_init();
	ret = pci_register_driver(&edu_driver);
	if (ret)
		edu_debugfs_exit();
	return ret;
}
module_init(edu_init);

static void __exit edu_exit(void)
{
	pci_unregister_driver(&edu_driver);
	edu_debugfs_exit();
}
module_exit(edu_exit);

MODULE_DESCRIPTION("Loopback RDMA on QEMU's edu device");
MODULE_LICENSE("GPL");
