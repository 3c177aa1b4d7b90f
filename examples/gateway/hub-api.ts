/** What `hub` offers; types only. */
export interface Hub {
  methods: {
    /** Labels of the processes that are connected. */
    clients(): string[];
  };
}
