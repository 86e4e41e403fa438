-- .mux in Neovim 0.11 or later: colours from the parser in parser/mux.so, everything else from `mux policy lsp`.

vim.filetype.add({ extension = { mux = 'mux' } })

vim.lsp.config('mux', {
  cmd = { 'mux', 'policy', 'lsp' },
  filetypes = { 'mux' },
  root_markers = { '.git' },
})
vim.lsp.enable('mux')

-- What the lens over a `test` block calls: the file, and the name of the test, which the server runs as it stands.
vim.lsp.commands['mux.runTest'] = function(command, context)
  local client = assert(vim.lsp.get_client_by_id(context.client_id))
  local run = { command = 'mux.policy.runTest', arguments = command.arguments }
  client:request('workspace/executeCommand', run, function(failure, result)
    local passed = not failure and result.passed
    local message = failure and failure.message or result.message
    local text = (passed and 'passed: ' or 'failed: ') .. command.arguments[2] .. '\n' .. message
    vim.notify(text, passed and vim.log.levels.INFO or vim.log.levels.ERROR)
  end)
end

vim.api.nvim_create_autocmd('FileType', {
  pattern = 'mux',
  callback = function(event)
    vim.bo[event.buf].commentstring = '# %s'
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
    -- Without the parser the file is plain, and not an error.
    if pcall(vim.treesitter.start, event.buf, 'mux') then
      vim.wo[0][0].foldexpr = 'v:lua.vim.treesitter.foldexpr()'
    end
  end,
})
