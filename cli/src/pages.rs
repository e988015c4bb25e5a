//! Reading a list page by page.

/// Items from the first page on, until `limit` or the last page; and the token of what follows.
pub async fn collect<T, E>(
    limit: usize,
    mut page: impl AsyncFnMut(String) -> Result<(Vec<T>, String), E>,
) -> Result<(Vec<T>, String), E> {
    let (mut items, mut token) = (Vec::new(), String::new());
    loop {
        let (found, next) = page(token).await?;
        items.extend(found);
        token = next;
        if token.is_empty() || items.len() >= limit {
            items.truncate(limit);
            return Ok((items, token));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(limit: usize) -> (Vec<u32>, String) {
        let pages = collect(limit, async |token: String| {
            let answer = match token.as_str() {
                "" => (vec![1, 2], "b".to_owned()),
                // A short page may have a token.
                "b" => (vec![], "c".to_owned()),
                _ => (vec![3, 4], String::new()),
            };
            Ok::<_, ()>(answer)
        });
        pages.await.expect("pages")
    }

    #[tokio::test]
    async fn pages_are_read_until_the_limit_or_the_end() {
        assert_eq!(read(usize::MAX).await, (vec![1, 2, 3, 4], String::new()));
        assert_eq!(read(2).await, (vec![1, 2], "b".to_owned()));
        assert_eq!(read(3).await, (vec![1, 2, 3], String::new()));
    }
}
