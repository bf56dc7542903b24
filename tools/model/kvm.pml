// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM, importer 1: virt/kvm/dmabuf.c, with one page, one vCPU and a memslot that comes and
 * goes while the vCPU runs. The vCPU looks the page up without the reservation lock, so it
 * may map an address that it found before a revoke. That mmu_invalidate_seq has changed
 * since the fault began is a bit here. The guest touches what spte maps at any moment.
 */
byte kd_list = NONE;
bool kd_in_use;
byte spte = NONE;
bool stale;		/* mmu_invalidate_seq is not the snapshot of the fault */
bool visible;		/* the memslot is one that faults find */
bool srcu;		/* a fault is in its SRCU read section */
bool kd_freed;

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
#if BROKEN == 37	/* waits for faults */
		!srcu;
#endif
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

/* kvm_dmabuf_get_pfn(), by a fault */
inline kvm_dmabuf_get_pfn()
{
	do
	:: atomic { kd_freed -> assert(!kd_freed) }	/* freed */
#if BROKEN == 18	/* says that it is in use after dropping kd->lock */
	:: pfn = kd_list;
		kd_in_use = pfn != NONE;
#else
	:: d_step {
			pfn = kd_list;
			kd_in_use = pfn != NONE;
			if
			:: pfn != NONE -> READS(pfn)
			:: else
			fi
		}
#endif
		if
		:: pfn != NONE -> break
		:: else -> kvm_dmabuf_map_list()
		fi
	:: break		/* -EAGAIN, or a signal */
	od
}

proctype kvm_vcpu()
{
	byte mapping = NONE, pfn = NONE;
	bool woken;

end:	do
	:: atomic { visible -> srcu = true; stale = false };	/* mmu_invalidate_seq */
		kvm_dmabuf_get_pfn();
		atomic {		/* under mmu_lock */
			if
			:: pfn != NONE && !stale -> ACCESS(pfn); spte = pfn
			:: else
			fi;
			pfn = NONE;
			srcu = false
		}
	od
}

/* A VMM creates a memslot and deletes it, any number of times */
proctype kvm_memslot()
{
	byte mapping = NONE;
	bool woken;

	do
	:: atomic {
			dma_resv_lock();	/* kvm_dmabuf_commit_memory_region() */
			told[1] = true;
			attached[1] = state != DEAD;
			kd_freed = false;
			dma_resv_unlock()
		}
		if
		:: attached[1]
		:: else -> break
		fi;
		kvm_dmabuf_map_list();
		visible = true;
		visible = false;			/* kvm_invalidate_memslot() */
#if BROKEN == 26	/* takes the lock before it waits for faults */
		dma_resv_lock();
#endif
#if BROKEN != 27	/* does not wait for faults */
		!srcu;				/* synchronize_srcu() */
#endif
		atomic { leave(true); spte = NONE }
#if BROKEN != 26
		dma_resv_lock();
#endif
		mapping = kd_list;		/* kvm_dmabuf_free() */
		d_step { kd_list = NONE; kd_in_use = false }
		if
		:: mapping != NONE -> dma_buf_phys_unmap(mapping)
		:: else
		fi;
		mapping = NONE;
		atomic {
			attached[1] = false;
			leave(false);
			dma_resv_unlock();
			kd_freed = true
		}
	:: break
	od;
	users--
}
