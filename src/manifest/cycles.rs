//! Circles in what contains what.

use crate::source::MOST_OF_A_KIND;

/// Circles among nodes `0..edges.len()`, each as the nodes along it, found from the lowest node on. Every node that
/// is on a circle does not have to be named; every circle leaves at least one that is. Takes no stack, so a long chain
/// can't exhaust it.
pub(super) fn circles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Seen {
        No,
        OnPath,
        Done,
    }
    let mut seen = vec![Seen::No; edges.len()];
    let mut found = Vec::new();
    for start in 0..edges.len() {
        if seen[start] != Seen::No {
            continue;
        }
        // The path from the start, with the number of edges of each node that were followed.
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        seen[start] = Seen::OnPath;
        while let Some((node, followed)) = path.last_mut() {
            let node = *node;
            let Some(&next) = edges[node].get(*followed) else {
                seen[node] = Seen::Done;
                path.pop();
                continue;
            };
            *followed += 1;
            match seen[next] {
                Seen::No => {
                    seen[next] = Seen::OnPath;
                    path.push((next, 0));
                }
                Seen::OnPath => {
                    // Each is as long as the path at most: a hostile file must not make it a square.
                    if found.len() >= MOST_OF_A_KIND {
                        return found;
                    }
                    let from = path.iter().position(|&(on_path, _)| on_path == next).unwrap_or(0);
                    found.push(path[from..].iter().map(|&(on_path, _)| on_path).collect());
                }
                Seen::Done => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::circles;

    #[test]
    fn circles_are_found_once() {
        assert_eq!(circles(&[vec![1], vec![2], vec![0], vec![3], vec![0]]), [vec![0, 1, 2], vec![3]]);
        assert!(circles(&[vec![1, 2], vec![3], vec![3], vec![]]).is_empty(), "a diamond is no circle");
    }

    #[test]
    fn a_long_chain_ends() {
        let mut edges: Vec<Vec<usize>> = (1..200_000).map(|next| vec![next]).collect();
        edges.push(vec![]);
        assert!(circles(&edges).is_empty());
    }
}
