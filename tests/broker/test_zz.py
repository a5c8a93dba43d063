from tests.broker.test_rebalance import *
async def test_zz(crew, models):
    try:
        await test_a_worker_that_leaves_in_order_hands_over_at_once(crew, models)
    finally:
        for w in crew.workers: print("=====WORKER", w.pid); print(w.log)
