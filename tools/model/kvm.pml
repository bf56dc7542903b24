// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM, importer 1: virt/kvm/dmabuf.c, with one page, one vCPU and a memslot that comes and
 * goes. The vCPU looks the page up without the reservation lock, so it may map an address
 * that it found before a revoke. That mmu_invalidate_seq has changed since the fault began
 * is a bit here. The guest touches what spte maps at any moment.
 */
byte kd_list = NONE;
bool kd_in_use;
byte spte = NONE;
bool stale;		/* mmu_invalidate_seq is not the snapshot of the fault */

/* kvm_dmabuf_set_list(NULL) and kvm_dmabuf_zap() */
inline kvm_dmabuf_notify(event)
{
	if
	:: event != RESTORE && kd_list != NONE ->
		d_step {
			mapping = kd_list;
			kd_list = NONE;
			woken = kd_in_use;
			kd_in_use = false
		}
		if
		:: woken ->
#if BROKEN == 17	/* the fault does not learn of it */
			spte = NONE
#else
			d_step { stale = true; spte = NONE }
#endif
		:: else
		fi;
		woken = false;
		dma_buf_phys_unmap(mapping);
		mapping = NONE
	:: else
	fi;
	told[1] = true
}

/* kvm_dmabuf_map_list(), called by a fault and when a slot is created */
inline kvm_dmabuf_map_list()
{
	atomic {
		dma_resv_lock();
		if
		:: kd_list == NONE && fences_signaled_kernel ->
			dma_buf_phys_map(mapping);
			kd_list = mapping;
			kd_in_use = false
		:: else		/* -EAGAIN: waits without the lock, and looks again */
		fi;
		mapping = NONE;
		dma_resv_unlock()
	}
}

proctype kvm()
{
	byte mapping = NONE, pfn = NONE;
	bool woken;

	do
	:: atomic {
			dma_resv_lock();	/* kvm_dmabuf_commit_memory_region() */
			told[1] = true;
			attached[1] = state != DEAD;
			dma_resv_unlock()
		}
		if
		:: attached[1]
		:: else -> break
		fi;
		kvm_dmabuf_map_list();
		do
		:: stale = false;		/* a fault: its snapshot of the sequence */
			do	/* kvm_dmabuf_get_pfn() */
#if BROKEN == 18	/* says that it is in use after dropping kd->lock */
			:: pfn = kd_list;
				kd_in_use = pfn != NONE;
#else
			:: d_step { pfn = kd_list; kd_in_use = pfn != NONE }
#endif
				if
				:: pfn != NONE -> break
				:: else -> kvm_dmabuf_map_list()
				fi
			:: break		/* -EAGAIN, or a signal */
			od;
			atomic {		/* under mmu_lock */
				if
				:: pfn != NONE && !stale -> ACCESS(pfn); spte = pfn
				:: else
				fi;
				pfn = NONE
			}
		:: break
		od;
		atomic { leave(true); spte = NONE }	/* the slot is being deleted */
		dma_resv_lock();		/* kvm_dmabuf_free() */
		mapping = kd_list;
		d_step { kd_list = NONE; kd_in_use = false }
		if
		:: mapping != NONE -> dma_buf_phys_unmap(mapping)
		:: else
		fi;
		mapping = NONE;
		atomic { attached[1] = false; leave(false); dma_resv_unlock() }
	:: break
	od;
	users--
}
