//! What vector stores and rerankers have to say.

use super::*;
use crate::call::{Nearness, Points, Ranking, Search, Store};

pub(super) fn place(to: &mut Builder, store: &Store) {
    to.text(DB_SYSTEM_NAME, Some(store.system));
    to.text(DB_OPERATION_NAME, Some(store.operation_name()));
    to.int(DB_OPERATION_BATCH_SIZE, store.batch_size());
    to.text(DB_COLLECTION_NAME, store.collection.as_ref());
    to.text(DB_NAMESPACE, store.namespace.as_ref());
}

pub(super) fn search(to: &mut Builder, store: &Store, search: &Search) {
    to.text(DATA_SOURCE_ID, store.collection.as_ref());
    to.int(RETRIEVAL_TOP_K, search.top_k);
    to.int(VECTOR_QUERY_TOP_K, search.top_k);
    to.text(VECTOR_QUERY_FILTER, search.filter.as_ref());
    to.double(VECTOR_QUERY_SCORE_THRESHOLD, search.threshold);
    to.bool(VECTOR_QUERY_INCLUDE_METADATA, search.with_payload);
    to.bool(VECTOR_QUERY_INCLUDE_VECTORS, search.with_vectors);
    to.int(QUERY_VECTORS, search.vectors);
    to.int(QUERY_DIMENSIONS, search.dimensions);
    to.int(DB_RESPONSE_RETURNED_ROWS, search.matches);
    to.int(VECTOR_RESULTS_COUNT, search.matches);
    match search.best {
        Some(Nearness::Score(score)) => to.double(BEST_SCORE, Some(score)),
        Some(Nearness::Distance(distance)) => to.double(BEST_DISTANCE, Some(distance)),
        None => {}
    }
}

pub(super) fn points(to: &mut Builder, points: &Points) {
    to.text(VECTOR_QUERY_FILTER, points.filter.as_ref());
    to.int(VECTOR_UPSERT_COUNT, points.written);
    to.int(VECTOR_UPSERT_DIMENSIONS, points.dimensions);
    to.int(VECTOR_DELETE_COUNT, points.deleted);
    to.bool(VECTOR_DELETE_ALL, points.deleted_all.then_some(true));
    to.int(DB_RESPONSE_RETURNED_ROWS, points.returned);
}

pub(super) fn ranking(to: &mut Builder, ranking: &Ranking) {
    to.int(RETRIEVAL_TOP_K, ranking.top_k);
    to.int(RERANKER_TOP_N, ranking.top_k);
    to.int(RERANK_DOCUMENTS, ranking.documents);
    to.int(RERANK_RESULTS, ranking.results);
    to.double(RERANK_BEST_SCORE, ranking.best_score);
    to.int(SEARCH_UNITS, ranking.search_units);
}

/// `db.response.status_code`: HTTP's status of what failed, or the store's own number of an error that came with 200.
pub(super) fn failure(call: &Call, exchange: &Exchange) -> Option<String> {
    let status = exchange.response.as_ref().map(|head| head.status)?;
    if status >= 400 {
        return Some(status.to_string());
    }
    call.error_code.clone().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))
}
